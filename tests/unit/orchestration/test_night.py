"""A night: what goes on when something fails, what stops publication, and what is told."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from decimal import Decimal

import dagster as dg
import pytest
from dagster._core.errors import DagsterExecutionInterruptedError
from rich.console import Console

from finance_sync.controls import ReasonTotal, SampleRow
from finance_sync.errors import DeploymentError, WarehouseError
from finance_sync.orchestration import dbt_assets
from finance_sync.orchestration.instance import open_instance
from finance_sync.orchestration.keys import PUBLISHED, REPORT, landing_key, model_key
from finance_sync.orchestration.summary import as_json, print_summary
from finance_sync.warehouse.lock import run_lock

from .world import World

FAILING = {
    "outcome": "failed", "severity": "high", "rows_failed": 12, "amount_group": Decimal("1234.5000"), "message": "12 cells differ",
    "by_reason": (ReasonTotal("amount", "over_budget", "Over | budget.", 12, Decimal("1234.5000")),),
    "sample": (SampleRow("T1|C1|6000", "T1", "months:2026-P02", "amount", "over_budget", left_amount=Decimal("100.0000"),
                         right_amount=Decimal("120.0000"), difference_amount=Decimal("20.0000"), currency_code="EUR"),),
    "sample_truncated": True,
}  # fmt: skip
C02, C25 = "c02_ledger_balance", "c25_budget_versus_actual"


def _materialized(world: World, run_id: str) -> set[dg.AssetKey]:
    with open_instance(world.site.settings) as instance:
        logs = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    return {entry.dagster_event.asset_key for entry in logs}


def _check(world: World, asset: dg.AssetKey, name: str) -> dg.AssetCheckEvaluation:
    with open_instance(world.site.settings) as instance:
        key = dg.AssetCheckKey(asset, name)
        record = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    return record.evaluation


def test_a_good_night(world: World) -> None:
    summary = world.run()

    assert summary.exit_code == 0
    assert (summary.count("landed"), summary.rows, summary.rejected, summary.tests) == (4, 16, 0, 1)
    assert summary.models == 4 + 9
    assert summary.outcomes("passed") == len(summary.controls) == 4
    assert (summary.version, summary.unchanged, summary.technical, summary.blocked_by) == (
        "v1",
        False,
        (),
        (),
    )
    assert summary.rebuilt == {
        "staging": "first build",
        "canonical": "first build",
        "reconciled": "first build",
        "marts": "first build",
    }
    assert next(iter(summary.seconds)) == "start"
    assert {"landing", "canonical", "reconciled and marts", "controls", "publication", "total"} <= set(
        summary.seconds
    )
    assert [run.status for run in world.runs()] == [dg.DagsterRunStatus.SUCCESS]
    assert world.built == [("canonical", None), ("reconciled", None)]
    assert {PUBLISHED, REPORT} <= _materialized(world, summary.run_id)


def test_an_object_that_fails_stops_neither_the_others_nor_what_follows(world: World) -> None:
    world.failing = {"budget"}
    summary = world.run()

    assert summary.exit_code == 2
    assert summary.technical == ("plan.budget: cannot be reached -> look at its server",)
    assert (summary.count("landed"), summary.count("failed"), world.published) == (3, 1, 1)
    # It is not claimed as landed, so that its freshness runs out; its check says why; the run is red.
    assert landing_key("plan", "budget") not in _materialized(world, summary.run_id)
    assert PUBLISHED in _materialized(world, summary.run_id)
    landed = _check(world, landing_key("plan", "budget"), "landed")
    assert (landed.passed, landed.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert landed.metadata["what to do"].value == "look at its server"
    assert _check(world, landing_key("erp", "account"), "landed").passed
    assert [run.status for run in world.runs()] == [dg.DagsterRunStatus.FAILURE]
    assert "  plan.budget failed: plan.budget: cannot be reached" in world.said

    world.failing = set()
    assert world.run().exit_code == 0
    assert _check(world, landing_key("plan", "budget"), "landed").passed


def test_business_exceptions_do_not_fail_the_run_and_show_count_amount_sample_and_remedy(
    world: World,
) -> None:
    world.verdicts = {C25: FAILING}
    summary = world.run()

    assert (summary.exit_code, world.published) == (0, 1)
    line = next(line for line in summary.controls if line.control_id == "C25")
    assert (line.outcome, line.exceptions, line.amount, line.currency, line.severity) == (
        "failed", 12, Decimal("1234.50"), "EUR", "high",
    )  # fmt: skip
    shown = _check(world, model_key("reconciled", "rec_c25"), C25)
    assert (shown.passed, shown.severity) == (False, dg.AssetCheckSeverity.WARN)
    metadata = {name: value.value for name, value in shown.metadata.items()}
    assert metadata["exceptions"] == 12
    assert metadata["amount at risk"] == "1,234.50 EUR"
    assert metadata["what to do"] == "do something"
    assert metadata["sample is"] == "cut: 1 of 12 rows, largest amounts first"
    head, _, row = metadata["sample"].split("\n")
    assert head == "| key | entity | period | reason | left amount | right amount | difference | currency |"
    assert (
        row == "| T1\\|C1\\|6000 | T1 | months:2026-P02 | over_budget | 100.0000 | 120.0000 | 20.0000 | EUR |"
    )
    assert metadata["by reason"].endswith("| amount | Over \\| budget. | 12 | 1,234.50 EUR |")
    # What to do and the rows stand on the page, too.
    assert shown.description.startswith(
        "12 cells differ\n\n**What to do:** do something **Owner:** somebody."
    )
    assert (
        "| T1\\|C1\\|6000 | months:2026-P02 | over_budget | 100.0000 | 120.0000 | EUR |  |"
        in shown.description
    )


@pytest.mark.parametrize("outcome", ["failed", "error"])
def test_what_blocks_stops_publication_and_leaves_the_last_good(world: World, outcome: str) -> None:
    assert world.run().exit_code == 0
    world.verdicts = {
        C02: {
            "outcome": outcome,
            "blocking": True,
            "rows_failed": 1,
            "severity": "critical",
            "message": "J9 differs",
        }
    }
    summary = world.run()

    assert (summary.exit_code, summary.blocked_by, world.published) == (3, (C02,), 1)
    assert summary.version == ""
    assert (world.site.settings.publish_dir / "current").resolve().name == "v1"
    assert not _check(world, model_key("marts", "mart_control_results"), "publication_gate").passed
    assert _check(world, model_key("reconciled", "rec_c02"), C02).severity == dg.AssetCheckSeverity.ERROR
    assert PUBLISHED not in _materialized(world, summary.run_id)
    assert world.runs()[0].status == dg.DagsterRunStatus.FAILURE

    world.verdicts = {}
    assert (world.run().exit_code, world.published) == (0, 2)
    assert _check(world, model_key("marts", "mart_control_results"), "publication_gate").passed


def test_a_check_that_cannot_be_judged_is_technical_and_neither_passed_nor_an_exception(world: World) -> None:
    world.verdicts = {C25: {"outcome": "error", "error": "column status is missing", "message": "not judged"}}
    summary = world.run()

    assert (summary.exit_code, world.published, summary.outcomes("error")) == (2, 1, 1)
    assert summary.technical == (f"check {C25}: column status is missing",)
    shown = _check(world, model_key("reconciled", "rec_c25"), C25)
    assert (shown.passed, shown.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert shown.metadata["error"].value == "column status is missing"


def test_not_applicable_passes_and_says_why(world: World) -> None:
    world.verdicts = {C25: {"outcome": "not_applicable", "message": "nothing feeds budget_line"}}
    summary = world.run()

    assert (summary.exit_code, summary.outcomes("not_applicable")) == (0, 1)
    shown = _check(world, model_key("reconciled", "rec_c25"), C25)
    assert shown.passed
    assert shown.description == "nothing feeds budget_line"
    assert "exceptions" not in shown.metadata


@pytest.mark.parametrize(("model", "steps"), [("fct_journal_line", 1), ("rec_c25", 2)])
def test_a_broken_model_stops_what_depends_on_it_and_the_last_good_stays(
    world: World, model: str, steps: int
) -> None:
    world.broken_models = {model}
    summary = world.run()

    assert (summary.exit_code, world.published, len(world.built)) == (2, 0, steps)
    assert len(summary.technical) == 1
    assert f"model {model}: division by zero" in summary.technical[0]
    assert summary.publication is None
    built = _materialized(world, summary.run_id)
    assert model_key("canonical", "dim_account") in built
    assert model_key("marts", "mart_budget_vs_actual") not in built


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            WarehouseError("the disk is full", remedy="free some"),
            "step build_canonical: the disk is full -> free some",
        ),
        (ZeroDivisionError("by zero"), "step build_canonical: ZeroDivisionError: by zero"),
        (KeyboardInterrupt(), "step build_canonical: interrupted; run it again"),
    ],
)
def test_what_goes_wrong_in_a_step_is_told_without_a_traceback(
    world: World, monkeypatch: pytest.MonkeyPatch, error: BaseException, said: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise DagsterExecutionInterruptedError if isinstance(error, KeyboardInterrupt) else error

    monkeypatch.setattr(dbt_assets, "build", fail)
    summary = world.run()
    assert (summary.exit_code, summary.technical, world.published) == (2, (said,), 0)


def test_a_night_with_nothing_new(world: World) -> None:
    world.run()
    world.nothing_new = True
    summary = world.run()

    assert (summary.exit_code, summary.count("unchanged"), summary.rows) == (0, 4, 0)
    assert summary.rebuilt == {}
    # The source was reached: that is what freshness asks.
    assert landing_key("erp", "gl_line") in _materialized(world, summary.run_id)


def test_only_some_systems(world: World) -> None:
    summary = world.run(systems=["plan"])
    assert world.landed == ["plan.budget"]
    assert (summary.exit_code, [line.system for line in summary.objects], world.published) == (0, ["plan"], 1)

    with pytest.raises(DeploymentError, match=r"system 'erb' is not in deployment 'tiny'.*erp, plan"):
        world.run(systems=["erb"])


def test_asked_periods_are_rebuilt_and_no_others(world: World) -> None:
    world.run(periods=["months:2026-P02"])
    assert world.built[-1] == ("reconciled", ["months:2026-P02"])
    with open_instance(world.site.settings) as instance:
        done = instance.get_materialized_partitions(model_key("marts", "mart_budget_vs_actual"))
    assert done == {"months:2026-P02"}

    with pytest.raises(DeploymentError, match="leave a gap at months:2026-P02"):
        world.run(periods=["months:2026-P01", "months:2026-P03"])
    with pytest.raises(DeploymentError, match="'months:2026-P99' is in no calendar"):
        world.run(periods=["months:2026-P99"])


def test_one_run_at_a_time(world: World) -> None:
    with run_lock(world.site.settings), pytest.raises(WarehouseError, match="another run is at work"):
        world.run()
    assert world.landed == []


def test_a_run_that_dagster_starts_holds_the_data_home_as_well(world: World) -> None:
    # In a process of its own, as Dagster gives every run one: it holds the home until it ends, for all its steps.
    script = (
        "import sys; from finance_sync.settings import load_settings; from finance_sync.orchestration.lock import hold_home\n"
        "settings = load_settings(home=sys.argv[1])\n"
        "hold_home(settings); hold_home(settings); print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(world.site.settings.home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(WarehouseError, match=f"another run is at work.*{other.pid}"):
            world.run()
        other.communicate("")
    assert world.run().exit_code == 0


def test_a_killed_run_is_closed_by_the_next(world: World) -> None:
    with open_instance(world.site.settings) as instance:
        run = dg.DagsterRun(job_name="nightly", status=dg.DagsterRunStatus.STARTED)
        instance.add_run(run)
    world.run()
    status = {found.run_id: found.status for found in world.runs()}
    assert status[run.run_id] == dg.DagsterRunStatus.FAILURE
    assert any("ended without a word" in line for line in world.said)


def test_the_summary_is_readable(world: World) -> None:
    world.failing = {"budget"}
    world.verdicts = {C25: FAILING, C02: {"outcome": "not_applicable", "message": "no"}}
    out = io.StringIO()
    print_summary(world.run(), Console(file=out, width=120))
    text = out.getvalue()
    assert any(line.split()[:3] == ["plan", "budget", "failed"] for line in text.splitlines())
    for part in (
        "Tiny Ltd · business date 2026-03-15 · duckdb", "4 objects of 2 systems · 3 with news, 0 unchanged, 1 failed",
        "12 rows, 0 rejected", "2 hold, 1 with exceptions, 1 not applicable, 0 not judged", "1,234.50 EUR at risk",
        "plan.budget: cannot be reached -> look at its server", "Published version v1", "publish/current", "finance-sync ui",
    ):  # fmt: skip
        assert part in text, text


def test_the_summary_for_programs_keeps_money_as_text_and_says_how_long_each_phase_took(world: World) -> None:
    world.verdicts = {C25: FAILING}
    told = json.loads(as_json(world.run()))

    assert (told["exit_code"], told["version"], told["business_date"]) == (0, "v1", "2026-03-15")
    assert [check["amount"] for check in told["checks"] if check["outcome"] == "failed"] == ["1234.50"]
    assert {"start", "landing", "canonical", "controls", "publication", "total"} <= set(told["seconds"])
