"""What a run tells of its report, and that a report that fails takes nothing from the figures."""

from __future__ import annotations

import io

import dagster as dg
import pytest
from rich.console import Console

from finance_sync.errors import WarehouseError
from finance_sync.orchestration import facts
from finance_sync.orchestration.instance import open_instance
from finance_sync.orchestration.keys import REPORT
from finance_sync.orchestration.summary import as_markdown, print_summary

from .world import World


def told(world: World) -> dict[str, object]:
    """Metadata of the report's asset."""
    with open_instance(world.site.settings) as instance:
        event = instance.get_latest_materialization_event(REPORT)
    assert event is not None
    assert event.asset_materialization is not None
    return facts.plain(event.asset_materialization.metadata)


def test_a_run_names_its_report(world: World) -> None:
    summary = world.run()
    path = world.site.settings.reports_dir / "of-the-run.html"
    assert (summary.exit_code, summary.report) == (0, path)
    out = io.StringIO()
    print_summary(summary, Console(file=out, width=400))
    assert f"Report: {path}" in out.getvalue()
    assert f"**Report:** `{path}`" in as_markdown(summary)
    found = told(world)
    assert found[facts.REPORT_FILE] == str(path)
    assert f"**Report:** `{path}`" in str(found[facts.SUMMARY])


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            WarehouseError("the disk is full"),
            "the report could not be written: WarehouseError: the disk is full",
        ),
        (ZeroDivisionError("unforeseen"), "the report could not be written: ZeroDivisionError: unforeseen"),
    ],
)
def test_a_failing_report_is_a_technical_failure_and_the_figures_stand(
    world: World, error: Exception, words: str
) -> None:
    world.report_fails = error
    summary = world.run()
    assert (summary.exit_code, summary.report, summary.version, world.published) == (2, None, "v1", 1)
    assert summary.technical == (words,)
    assert words in str(told(world)[facts.SUMMARY])
    assert world.runs()[0].status == dg.DagsterRunStatus.FAILURE
