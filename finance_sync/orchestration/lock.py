"""The data home's lock, for runs in a terminal and for runs in processes that Dagster starts.

Belongs here: who holds the lock in this process. Does not: the lock itself (warehouse.lock).
"""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from finance_sync.settings import Settings
from finance_sync.warehouse.lock import run_lock

_held: set[Path] = set()


@contextmanager
def home_lock(settings: Settings) -> Iterator[None]:
    """Hold the data home for a run in this process; its steps find it held.

    Raises:
        WarehouseError: another process, or another run in this one, holds it.
    """
    with run_lock(settings):
        _held.add(settings.home)
        try:
            yield
        finally:
            _held.discard(settings.home)


def hold_home(settings: Settings) -> None:
    """Hold the data home until this process ends, unless it does already: Dagster gives every run a process.

    Raises:
        WarehouseError: another process holds it.
    """
    if settings.home in _held:
        return
    stack = ExitStack()
    stack.enter_context(run_lock(settings))
    atexit.register(stack.close)
    _held.add(settings.home)
