"""What all tests share: telemetry off, and no setting from the developer's shell."""

from __future__ import annotations

import os

import pytest

from finance_sync.settings import telemetry_off

for _name in [name for name in os.environ if name.startswith("FINANCE_SYNC_")]:
    del os.environ[_name]
telemetry_off()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes begins first, so that the workers end together."""
    items.sort(key=lambda item: item.get_closest_marker("first") is None)
