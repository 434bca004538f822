"""The sensor asks once for the same files, and the job that it asks for takes them in."""

from __future__ import annotations

import os

import dagster as dg
import pytest

from finance_sync.operations import open_operations
from finance_sync.orchestration.jobs import build_definitions

from .world import World


def _asked(world: World) -> list[dg.RunRequest]:
    sensor = build_definitions(world.site).get_sensor_def("inbox")
    return list(sensor.evaluate_tick(dg.build_sensor_context()).run_requests)


def test_the_sensor_asks_for_files_that_stand_still_and_the_job_puts_them_away(
    world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    inbox = world.site.settings.inbox
    assert _asked(world) == []
    inbox.mkdir(parents=True)
    file = inbox / "broken.xlsx"
    file.write_text("no workbook")
    assert _asked(world) == []  # it may still be copied
    os.utime(file, (1, 1))
    (first,), (again,) = _asked(world), _asked(world)
    assert first.run_key == again.run_key
    os.utime(file, (2, 2))
    assert _asked(world)[0].run_key != first.run_key
    job = build_definitions(world.site).resolve_job_def("workbooks")
    assert not job.execute_in_process(raise_on_error=False).success  # there is no register yet
    assert file.exists()
    operations = open_operations(world.site.settings)
    assert operations is not None
    operations.close()
    assert job.execute_in_process().success
    assert "broken.xlsx is no XLSX file" in capfd.readouterr().err
    assert sorted(path.suffix for path in (inbox / "failed").iterdir()) == [".txt", ".xlsx"]
    assert _asked(world) == []
