"""When a run brings the register up to date, and what it tells of it."""

from __future__ import annotations

import io

import dagster as dg
import pytest
from rich.console import Console

from finance_sync.orchestration.summary import print_summary

from .world import World

C02, C25 = "c02_ledger_balance", "c25_budget_versus_actual"


def test_a_good_night_closes_what_is_gone_and_says_it_in_one_line(world: World) -> None:
    world.verdicts = {C25: {"outcome": "error", "error": "no such column"}}
    summary = world.run()
    (how,) = world.synced
    assert (how["run_id"], how["closing"], how["unjudged"]) == (summary.run_id, True, {"C25"})
    # Every control of the stand-in's manifest is a table; of the others nobody knows that they are made anew as a whole.
    assert how["whole"] == {"C01", "C02", "C07", "C25"}
    assert summary.register["opened"] == 3
    out = io.StringIO()
    print_summary(summary, Console(file=out, width=160))
    line = next(line for line in out.getvalue().splitlines() if line.startswith("Register:"))
    assert line.rstrip() == (
        "Register: 3 new, 0 returned, 0 reopened, 1 gone · 5 exceptions, 4 waiting for somebody, 2 past their deadline"
    )


def test_a_stopped_publication_takes_in_what_was_found_and_closes_nothing(world: World) -> None:
    world.verdicts = {C02: {"outcome": "failed", "blocking": True, "rows_failed": 1, "severity": "critical"}}
    summary = world.run()
    (how,) = world.synced
    assert (summary.exit_code, summary.register, how["closing"]) == (3, {}, False)
    world.register_fails = True
    assert world.run().exit_code == 3
    assert any("could not be brought up to date: the register is away" in line for line in world.said)


@pytest.mark.parametrize("model", ["fct_journal_line", "rec_c25"])
def test_a_failed_build_leaves_the_register_as_it_was(world: World, model: str) -> None:
    world.broken_models = {model}
    assert world.run().exit_code == 2
    assert world.synced == []


def test_a_register_that_is_away_is_a_technical_failure_and_stops_publication(world: World) -> None:
    world.register_fails = True
    summary = world.run()
    assert (summary.exit_code, world.published) == (2, 0)
    assert summary.technical == ("step sync_register: the register is away -> bring it back",)
    assert world.runs()[0].status == dg.DagsterRunStatus.FAILURE
