"""The rules of the commitment sub-ledger in plain Python, one event after the other: written apart from the SQL, to be compared with it.

Belongs here: the fold over one order line's life. Does not: landing and building it (kit), or making it up (test_properties).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tests.unit.subledger.kit import CURRENCIES, ENTITIES, Document

D = Decimal
ZERO = D(0)
IN_FORCE = {"approved", "issued"}
ENDED = {"closed", "cancelled", "rejected"}
Booking = tuple[date, str, Decimal, str]  # day, movement type, amount, cost center


@dataclass
class _Version:
    """One landed version: its fields, and the day of its change (None for the first)."""

    row: dict[str, Any]
    changed_on: date | None

    @property
    def status(self) -> str:
        return "deleted" if self.row.get("_deleted") else str(self.row["line_status"])


def _versions(document: Document) -> list[_Version]:
    return [
        _Version(row, night if number else None) for number, (night, row) in enumerate(document.versions())
    ]


def _left(row: dict[str, Any], came: Decimal) -> Decimal:
    """What is open of a line of which `came` has come."""
    amount = row["amount_net_txn"] + (row["amount_tax_txn"] or ZERO)
    whole = row["quantity"] if row["line_type"] == "quantity" else row["amount_net_txn"]
    if whole == 0:
        return D(amount)
    done = min(max(came, ZERO), whole) if whole > 0 else max(min(came, ZERO), whole)
    if done == whole:
        return ZERO
    unit = D(1).scaleb(-CURRENCIES[row["currency_code"]])
    return D(amount - (amount * done / whole).quantize(unit, ROUND_HALF_UP))


def _arrivals(document: Document) -> list[tuple[date, Decimal]]:
    """What a relieving document brings, on which day: it counts while it is posted, and each change counts on its own day."""
    good = {"receipt_line": "posted", "invoice_line": "approved"}[document.kind]
    by_day: dict[date, Decimal] = defaultdict(D)
    counting: tuple[Decimal, date] | None = None
    ever = False
    for version in _versions(document):
        row = version.row
        if counting is not None:
            part, since = counting
            assert version.changed_on is not None
            by_day[max(since, version.changed_on)] -= part
            counting = None
        if version.status == good:
            since = (
                row["posting_date"]
                if not ever
                else max(row["posting_date"], version.changed_on or row["posting_date"])
            )
            part = (
                row["quantity"]
                if row["quantity"] is not None
                else row["amount_txn" if document.kind == "receipt_line" else "amount_net_txn"]
            )
            by_day[since] += part
            counting, ever = (part, since), True
    return [(day, part) for day, part in by_day.items() if part]


def _begins_on(version: _Version) -> date | None:
    """Day from which a line is committed, were this the first version in which it is."""
    row, changed_on = version.row, version.changed_on
    if version.status in IN_FORCE | {"closed"}:
        return row["approved_on"] or max(row["order_date"], changed_on or row["order_date"])  # type: ignore[no-any-return]
    return row["approved_on"] if version.status in {"cancelled", "rejected"} else None


def _takes_effect(version: _Version, before: _Version) -> date:
    """Day from which a later version holds."""
    row = version.row
    assert version.changed_on is not None
    if version.status in ENDED:
        return row["closed_on"] or version.changed_on
    opened = version.status in IN_FORCE and before.status not in IN_FORCE
    if opened and row["approved_on"] and row["approved_on"] != before.row["approved_on"]:
        return row["approved_on"]  # type: ignore[no-any-return]
    return version.changed_on


def _turns(order: Document, arrivals: Sequence[tuple[date, Decimal]]) -> list[tuple[date, int, int, Any]]:
    """(day, rank, number, (row, is open)) of each time at which the line itself begins, changes or ends; none if it never began."""
    turns: list[tuple[date, int, int, Any]] = []
    latest = (date.min, 0)
    versions = _versions(order)
    for number, version in enumerate(versions):
        row, is_open = version.row, version.status in IN_FORCE
        if turns:
            day = _takes_effect(version, versions[number - 1])
        else:
            begun = _begins_on(version)
            if begun is None:
                continue
            turns.append((begun, 1, 2 * number, (row, True)))
            latest = (begun, 1)
            if is_open:
                continue
            arrived = max((day for day, _ in arrivals), default=begun)
            day = max(begun, row["closed_on"] or version.changed_on or arrived)
        # a version never takes effect before the one that it replaced
        latest = max(latest, (day, 1 if is_open else 3))
        turns.append((*latest, 2 * number + 1, (row, is_open)))
    return turns


def fold(order: Document, documents: Sequence[Document]) -> list[Booking]:
    """The movements of one order line, in order.

    Args:
        order: the line in its versions.
        documents: receipts and invoices of it.

    Returns:
        Bookings, some of them of nothing.
    """
    relief = ENTITIES[order.row["entity_code"]]["relief_point"]
    arrivals = [a for d in documents if d.kind == f"{relief}_line" for a in _arrivals(d)]
    turns = _turns(order, arrivals)
    if not turns:
        return []
    events = turns + [(max(day, turns[0][0]), 2, 0, part) for day, part in arrivals]

    bookings: list[Booking] = []
    row: dict[str, Any] = {}
    is_open, came, balance = False, ZERO, ZERO
    for day, rank, _, what in sorted(events, key=lambda event: event[:3]):
        if rank == 2:
            came += what
            after = _left(row, came) if is_open else ZERO
            bookings.append(
                (day, "relieve" if what > 0 else "reinstate", after - balance, row["cost_center_code"])
            )
        else:
            before, was_open = row.get("cost_center_code", ""), is_open
            row, is_open = what
            after = _left(row, came) if is_open else ZERO
            kind = ("adjust" if was_open else "obligate") if is_open else "release"
            if before == row["cost_center_code"] or not was_open:
                bookings.append((day, kind, after - balance, row["cost_center_code"]))
            else:
                bookings += [(day, kind, -balance, before), (day, kind, after, row["cost_center_code"])]
        balance = after
    return bookings
