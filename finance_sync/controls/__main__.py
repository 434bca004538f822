"""``python -m finance_sync.controls``: write the suites and docs/controls.md again from the catalog."""

from finance_sync.controls.docs import write_docs
from finance_sync.controls.generate import write_suites
from finance_sync.settings import PROJECT_ROOT, load_settings

write_suites(load_settings().expectations_dir)
write_docs(PROJECT_ROOT / "docs")
