"""A run that is killed at any moment costs a rerun, never a figure (SPEC 9, landing and warehouse together)."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.support import environment, file_rows, finance_sync, published_tables

KILLS = 10
SEED = 20260515


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A home after an undisturbed first run, and how long that took. ``pristine`` beside it has the sources only."""
    folder = tmp_path_factory.mktemp("kill")
    finance_sync("sandbox", "create", "--scale", "0.2", home=folder / "pristine")
    shutil.copytree(folder / "pristine", folder / "calm")
    started = time.monotonic()
    finance_sync("run", home=folder / "calm")
    return folder, time.monotonic() - started


@pytest.mark.xdist_group("kill")
def test_killed_runs_end_in_the_same_marts(undisturbed: tuple[Path, float]) -> None:
    """Ten kills at random moments; the home lives on through all of them, as a machine with a loose cable would."""
    folder, seconds = undisturbed
    moments = random.Random(SEED)
    home = folder / "killed"
    for number in range(KILLS):
        if number % 5 == 0:
            # Twice from nothing, so that first builds are hit as well as runs on a home that has been hit before.
            shutil.rmtree(home, ignore_errors=True)
            shutil.copytree(folder / "pristine", home)
        process = subprocess.Popen(
            [sys.executable, "-m", "finance_sync.cli", "run"], env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        delay = moments.uniform(0.5, seconds * 0.98)
        try:
            process.wait(timeout=delay)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        finance_sync("run", home=home)
        names = published_tables(home)
        assert names == published_tables(folder / "calm")
        for name in names:
            relative = Path("publish/current/marts") / f"{name}.parquet"
            assert file_rows(home / relative) == file_rows(folder / "calm" / relative), (
                f"{name} after kill {number} at {delay:.1f} s"
            )
