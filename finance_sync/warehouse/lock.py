"""One run at a time per data home.

Belongs here: the lock. Does not: what is done under it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from finance_sync.errors import WarehouseError
from finance_sync.settings import Settings


@contextlib.contextmanager
def run_lock(settings: Settings) -> Iterator[None]:
    """Hold the data home for a run; the lock goes with the process, so a killed run leaves none.

    Raises:
        WarehouseError: another run holds it; names its process.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    path = settings.home / "run.lock"
    with path.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            handle.seek(0)
            raise WarehouseError(
                f"another run is at work on {settings.home} (process {handle.read().strip() or 'unknown'})",
                remedy="wait for it to end, or stop that process",
            ) from error
        handle.seek(0)
        handle.truncate()
        handle.write(str(os.getpid()))
        handle.flush()
        yield
