"""Founding the demo company and letting its days pass: files, reference tables, planted problems, the answer key."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from finance_sync import sandbox
from finance_sync.catalog.product import controls
from finance_sync.errors import DeploymentError
from finance_sync.sandbox import reference, world
from finance_sync.sandbox.answers import answer_key, compare
from finance_sync.sandbox.company import casebook, instances
from finance_sync.settings import Settings, load_settings

NOT_IN_THE_DEMO = {
    "C05",
    "C26",
}  # nothing at a source breaks the sub-ledger; its sources state no totals of documents


def home(folder: Path) -> Settings:
    return load_settings(home=folder)


def content(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table and file, in order of the key."""
    folder = settings.home / "sandbox"
    found: dict[str, list[tuple[Any, ...]]] = {}
    for path in sorted(folder.glob("*.sqlite")):
        with closing(sqlite3.connect(path)) as connection:
            tables = [
                row[0]
                for row in connection.execute(
                    "select name from sqlite_master where type = 'table' order by 1"
                )
            ]
            for table in tables:
                found[f"{path.stem}.{table}"] = sorted(
                    connection.execute(f'select * from "{table}"'), key=repr
                )
    for path in sorted((folder / "planning").iterdir()):
        found[path.name] = [(line,) for line in path.read_text().splitlines()]
    return found


def test_brought_forward_equals_founded_later(tmp_path: Path) -> None:
    """Fifteen days in steps of one, four and ten: the same rows as a company founded on the last day."""
    forward, later = home(tmp_path / "forward"), home(tmp_path / "later")
    sandbox.create(forward, seed=5, scale=0.3)
    written = [sandbox.advance(forward, days=days) for days in (1, 4, 10)]
    state = sandbox.create(later, seed=5, scale=0.3, today=date(2026, 5, 30))
    assert written[-1].today == state.today == date(2026, 5, 30)
    assert 0 < written[0].rows < state.rows / 100
    left, right = content(forward), content(later)
    assert left.keys() == right.keys()
    for name, rows in left.items():
        assert rows == right[name], name


def test_a_day_changes_rows_deletes_drafts_and_touches_master_data(tmp_path: Path) -> None:
    settings = home(tmp_path)
    sandbox.create(settings, seed=5, scale=0.5)
    before = content(settings)
    sandbox.advance(settings, days=14)
    after = content(settings)
    for name in ("procurement.order_lines", "procurement.invoice_headers", "ledger.journal_lines", "ledger.period_balances",
                 "ledger.cost_centers", "ledger.suppliers", "budget_changes.csv", "control.csv"):  # fmt: skip
        assert after[name] != before[name], name
    gone = {row[:2] for row in before["procurement.requisitions"]} - {
        row[:2] for row in after["procurement.requisitions"]
    }
    assert gone
    assert after["ledger.accounts"] == before["ledger.accounts"]
    assert after["ledger.asset_transfers"] == []


def test_an_interrupted_step_is_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock moves last: a step that broke off is repeated from the same day, with the same outcome."""
    settings = home(tmp_path / "broken")
    sandbox.create(settings, seed=5, scale=0.2)
    with monkeypatch.context() as patch:
        patch.setattr(
            "finance_sync.sandbox.sandbox.planning.write",
            lambda *_, **__: (_ for _ in ()).throw(OSError("disk full")),
        )
        with pytest.raises(OSError, match="disk full"):
            sandbox.advance(settings)
    assert sandbox.advance(settings).today == date(2026, 5, 16)
    other = home(tmp_path / "whole")
    sandbox.create(other, seed=5, scale=0.2, today=date(2026, 5, 16))
    assert content(settings) == content(other)


def test_days_outside_the_calendars_are_refused(tmp_path: Path) -> None:
    settings = home(tmp_path)
    assert not sandbox.exists(settings)
    with pytest.raises(DeploymentError, match="no demo company"):
        sandbox.advance(settings)
    with pytest.raises(DeploymentError, match="2025-07-01 to 2026-12-26"):
        sandbox.create(settings, today=date(2027, 1, 1))
    sandbox.create(settings, scale=0.1, today=date(2026, 12, 26))
    assert sandbox.exists(settings)
    with pytest.raises(DeploymentError, match="2026-12-27"):
        sandbox.advance(settings)


def test_reference_tables_are_those_of_the_world() -> None:
    """The committed tables are what `python -m finance_sync.sandbox.reference` writes."""
    for name, text in reference.texts().items():
        assert (reference.FOLDER / name).read_text(encoding="utf-8") == text, name
    assert {path.name for path in reference.FOLDER.iterdir()} == reference.texts().keys()


def test_calendars() -> None:
    assert world.period_id(world.US, world.day("2026-04-25")) == "US445:2026-P04"
    assert world.period_id(world.US, world.day("2026-04-26")) == "US445:2026-P05"
    assert world.period_id(world.DE, world.day("2026-04-30")) == "MONTH:2026-P04"
    assert (
        world.period_id(world.DE, world.day("2062-01-01"))
        == world.period_id(world.US, world.day("1926-01-01"))
        == "UNMAPPED"
    )


@pytest.mark.parametrize("scale", [0.05, 1, 20, 400])
def test_every_reason_is_planted_several_times_and_no_two_answers_are_one(scale: float) -> None:
    book = casebook(scale)
    counts = Counter((answer["control_id"], answer["reason_code"]) for answer in book.answers)
    every = {
        (name, reason)
        for name, control in controls().items()
        if name not in NOT_IN_THE_DEMO
        for reason in control.reasons
    }
    assert counts.keys() == every
    assert min(counts.values()) >= 2
    identities = Counter(
        tuple(answer[name] for name in ("control_id", "legal_entity_id", "business_key", "aspect"))
        for answer in book.answers
    )
    assert [identity for identity, count in identities.items() if count > 1] == []
    start = world.to_date(world.START_DAY)
    visible = Counter(a["reason_code"] for a in book.answers if a["visible_from"] <= start)
    assert {reason for _, reason in every} == set(visible)
    assert any(a["visible_from"] > start for a in book.answers)
    assert any(a["visible_to"] for a in book.answers)


def test_instances_grow_slowly() -> None:
    assert [instances(scale) for scale in (0.05, 1, 2, 20, 400)] == [3, 3, 4, 7, 11]


def test_without_plants_the_key_is_empty_and_every_feed_moves(tmp_path: Path) -> None:
    settings = home(tmp_path)
    assert sandbox.create(settings, scale=0.1, planted=False).problems == 0
    assert answer_key(settings, date(2026, 5, 15)) == []
    tables = content(settings)
    for name in (
        "procurement.contracts",
        "procurement.contract_releases",
        "ledger.asset_register",
        "ledger.asset_transfers",
    ):
        assert max(row[-1] for row in tables[name]).startswith("2026-05-15"), name
    stated = {line[0].split(",")[0]: int(line[0].split(",")[1]) for line in tables["control.csv"][1:]}
    assert stated == {name: len(tables[name]) - 1 for name in stated}


def test_verify_reads_the_published_exceptions(tmp_path: Path) -> None:
    settings = home(tmp_path)
    state = sandbox.create(settings, scale=0.1)
    key = answer_key(settings, state.today)
    assert len(key) == state.problems
    asked: list[str] = []

    def read(sql: str) -> pa.Table:
        asked.append(sql)
        return pa.Table.from_pylist(key)

    verdict = sandbox.verify(settings, read)
    assert verdict.holds
    assert "mart_exceptions" in asked[0]
    assert verdict.text.endswith("found = planted, both ways")
    assert not sandbox.verify(settings, lambda _: pa.Table.from_pylist(key[1:])).holds


ROW = {
    "control_id": "C07", "legal_entity_id": "US01", "business_key": "p|1|1", "aspect": "price", "fiscal_period_id": "M:2026-P01",
    "status": "price", "reason_code": "price_differs", "difference_amount": Decimal("-1.5000"), "note": "why",
}  # fmt: skip


@pytest.mark.parametrize(
    ("found", "missing", "unexpected", "different"),
    [
        ([ROW], 0, 0, ""),
        ([{**ROW, "difference_amount": Decimal("-1.5")}], 0, 0, ""),
        ([], 1, 0, ""),
        ([ROW, {**ROW, "aspect": "tax"}], 0, 1, ""),
        ([{**ROW, "legal_entity_id": "DE01"}], 1, 1, ""),
        ([ROW, ROW], 0, 1, ""),
        ([{**ROW, "difference_amount": Decimal("1.5")}], 0, 0, "difference_amount planted -1.5000 found 1.5"),
        ([{**ROW, "difference_amount": None}], 0, 0, "difference_amount planted -1.5000 found None"),
        (
            [{**ROW, "fiscal_period_id": "M:2026-P02"}],
            0,
            0,
            "fiscal_period_id planted M:2026-P01 found M:2026-P02",
        ),
        ([{**ROW, "reason_code": "other"}], 0, 0, "reason_code planted price_differs found other"),
    ],
)
def test_comparison_both_ways(
    found: list[dict[str, Any]], missing: int, unexpected: int, different: str
) -> None:
    verdict = compare([ROW], found, date(2026, 5, 15))
    assert (len(verdict.missing), len(verdict.unexpected)) == (missing, unexpected)
    assert bool(verdict.different) == bool(different)
    assert different in verdict.text
    assert verdict.holds == (not missing and not unexpected and not different)
