"""What all tests share: telemetry off, and no setting from the developer's shell."""

from __future__ import annotations

import os

from finance_sync.settings import telemetry_off

for _name in [name for name in os.environ if name.startswith("FINANCE_SYNC_")]:
    del os.environ[_name]
telemetry_off()
