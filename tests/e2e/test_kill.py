"""A run that is killed at any moment costs a rerun, never a figure (SPEC 9, landing and warehouse together)."""

from __future__ import annotations

import random
import shutil
import time
from pathlib import Path

import pytest

from tests.e2e.support import file_rows, finance_sync, published_tables, start

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


@pytest.mark.first
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
        delay = moments.uniform(0.5, seconds * 0.98)
        process = start("run", home=home, output=folder / "killed.txt")
        process.join(delay)
        process.kill()
        process.join()
        finance_sync("run", home=home)
        names = published_tables(home)
        assert names == published_tables(folder / "calm")
        for name in names:
            assert file_rows(home, name) == file_rows(folder / "calm", name), (
                f"{name} after kill {number} at {delay:.1f} s"
            )
