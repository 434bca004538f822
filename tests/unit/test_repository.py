"""What a clone must keep: a lock file that names no index, and make targets that explain themselves."""

from __future__ import annotations

import re
import subprocess
import tomllib

from finance_sync.settings import PROJECT_ROOT


def test_lock_has_versions_and_hashes_and_names_no_index() -> None:
    text = (PROJECT_ROOT / "requirements.lock").read_text(encoding="utf-8")
    for word in ("://", "index-url", "find-links", "trusted-host", "file:", " @ "):
        assert word not in text, word
    entries = re.split(r"\n(?=[a-z0-9])", text)
    pinned = [entry for entry in entries if re.match(r"[a-z0-9._-]+(\[[a-z0-9,-]+\])?==", entry)]
    assert len(pinned) > 100
    assert [entry.split()[0] for entry in pinned if "--hash=sha256:" not in entry] == []


def test_lock_holds_what_the_project_asks_for() -> None:
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(item for extra in project["optional-dependencies"].values() for item in extra),
    ]
    names = {re.split(r"[<>=!~;\[ ]", item)[0].lower().replace("_", "-") for item in wanted}
    text = (PROJECT_ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = {
        name.replace("_", "-")
        for name in re.findall(r"^([a-z0-9._-]+)(?:\[[a-z0-9,-]+\])?==", text, re.MULTILINE)
    }
    assert names <= locked, f"run `make lock`: {sorted(names - locked)}"


def test_make_explains_its_targets() -> None:
    shown = subprocess.run(["make"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True).stdout
    targets = {line.split()[1] for line in shown.splitlines()}
    assert {"run", "test", "check", "lint", "bench", "ui", "clean", "night", "query", "lock"} <= targets
    assert all(len(line.split()) > 3 for line in shown.splitlines())
