"""Dagster around the product: assets, checks, jobs, the schedule, and the one call that runs a night.

Belongs here: thin shells that call landing, warehouse and controls, and what the Dagster UI shows of them.
Does not: any rule of what is computed. Nothing outside this folder and ``definitions.py`` imports Dagster.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from finance_sync.orchestration.summary import RunSummary
    from finance_sync.settings import Settings


def run_nightly(
    settings: Settings,
    *,
    systems: Sequence[str] | None = None,
    periods: Sequence[str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> RunSummary:
    """Run a night in this process; see :func:`finance_sync.orchestration.nightly.run_nightly`."""
    started = time.perf_counter()
    from finance_sync.orchestration import nightly

    return nightly.run_nightly(settings, systems=systems, periods=periods, progress=progress, started=started)


def serve_ui(settings: Settings, *, port: int = 3000, read_only: bool = False) -> int:
    """Open the Dagster UI on loopback; see :func:`finance_sync.orchestration.ui.serve_ui`."""
    from finance_sync.orchestration import ui

    return ui.serve_ui(settings, port=port, read_only=read_only)
