"""Building blocks for planted problems: single documents, journals and budget lines, and the rows of the answer key.

Belongs here: a casebook that collects them and turns them into the frames of the generator. Does not: which problems
there are (plants).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

import numpy as np
import polars as pl

from finance_sync.catalog.product import controls
from finance_sync.sandbox import world as w
from finance_sync.sandbox.budgets import BUDGET_LINE
from finance_sync.sandbox.documents import DOCUMENTS_PER_ORDER, INVOICE_LINE, RECEIPT_LINE
from finance_sync.sandbox.journals import AP, JOURNAL_LINE, MN
from finance_sync.sandbox.orders import BASE, ORDER_LINE
from finance_sync.sandbox.requisitions import REQUISITION_LINE
from finance_sync.sandbox.text import conform

FIRST_ORDER: Final = 90_000_001
FIRST_JOURNAL: Final = 900_000_001
FIRST_CELL: Final = 900_001
Q: Final = 400
"""Quantity of a planted order line: forty, in tenths."""


def order_key(ono: int, line: int = 1) -> str:
    """Business key of an order line."""
    return f"procurement|{order_no(ono)}|{line}"


def order_no(number: int) -> str:
    """Order number as procurement writes it."""
    return f"PO{number:08d}"


def requisition_no(number: int) -> str:
    """Requisition number as procurement writes it."""
    return f"RQ{number:08d}"


def invoice_no(number: int) -> str:
    """Invoice number as procurement writes it."""
    return f"IV{number:010d}"


def journal_no(jtype: str, number: int) -> str:
    """Journal number as the ledger writes it."""
    return f"{jtype}{number:011d}"


def money(minor: int, currency: int) -> Decimal:
    """Minor units as an exact decimal."""
    return Decimal(int(minor)).scaleb(-int(w.MINOR[currency]))


@dataclass(frozen=True)
class PlantedOrder:
    """An order line of the casebook, for the documents that follow it."""

    ono: int
    ent: int
    ltype: int
    cur: int
    q: int
    p: int
    net: int
    tax: int
    acct: int
    cc: int
    sup: int
    prog: int
    order_day: int
    exists: bool

    @property
    def key(self) -> str:
        """Business key."""
        return order_key(self.ono)

    def value(self, q: int) -> int:
        """Value of a quantity at the order's price, minor units."""
        return int(w.value_of(w.as_ints(q), w.as_ints(self.p), w.as_ints(self.cur)))


@dataclass
class Casebook:
    """Collects planted documents and the answer key.

    Args:
        raw: source object -> record key -> field -> text that replaces the field's value.
    """

    orders: list[dict[str, Any]] = field(default_factory=list)
    receipts: list[dict[str, Any]] = field(default_factory=list)
    invoices: list[dict[str, Any]] = field(default_factory=list)
    journals: list[dict[str, Any]] = field(default_factory=list)
    requisitions: list[dict[str, Any]] = field(default_factory=list)
    budget_lines: list[dict[str, Any]] = field(default_factory=list)
    balance_changes: list[dict[str, Any]] = field(default_factory=list)
    commitment_changes: list[dict[str, Any]] = field(default_factory=list)
    extra_commitments: list[dict[str, Any]] = field(default_factory=list)
    budget_statements: list[dict[str, Any]] = field(default_factory=list)
    items: list[dict[str, Any]] = field(default_factory=list)
    raw: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    answers: list[dict[str, Any]] = field(default_factory=list)
    _documents: dict[int, int] = field(default_factory=dict)
    _last_journal: int = FIRST_JOURNAL - 1
    _last_cell: int = FIRST_CELL - 1

    def answer(  # noqa: PLR0917 - a row of a table reads best as a row
        self, control: str, reason: str, ent: int | None, on: int | None, key: str, aspect: str, difference: Decimal | None,
        seen: int, until: int = w.NEVER, note: str = "", period: str | None = None,
    ) -> None:  # fmt: skip
        """Add a row to the answer key.

        Args:
            control: control id.
            reason: reason code; its status comes from the table of controls.
            ent: entity index, None for ALL.
            on: day whose period it belongs to, None for ALL.
            key: business key.
            aspect: aspect.
            difference: exact difference, left minus right, or None.
            seen: first day on which it is to be found.
            until: last day on which it is to be found.
            note: what was planted.
            period: period id that wins over ``on``.
        """
        where = period or ("ALL" if on is None or ent is None else w.period_id(ent, on))
        self.answers.append(
            {
                "control_id": control, "legal_entity_id": "ALL" if ent is None else w.ENTITIES[ent].code,
                "fiscal_period_id": where, "business_key": key, "aspect": aspect,
                "status": controls()[control].reasons[reason].status, "reason_code": reason,
                "difference_amount": difference, "note": note, "visible_from": w.to_date(seen),
                "visible_to": None if until >= w.NEVER else w.to_date(until),
            }
        )  # fmt: skip

    def order(
        self, ent: int, on: int, *, ltype: int = w.QUANTITY, amount: int = 5000, due: int | None = None, cur: int | None = None,
        closed: int = w.NEVER, size: int = 1, fate: int = BASE, exists: bool = True, **other: Any,
    ) -> PlantedOrder:  # fmt: skip
        """An order of one line: forty units at 125 (12,500 yen), or an amount line, in the entity's currency.

        Args:
            ent: entity index.
            on: order day; it is issued on the same day.
            ltype: QUANTITY or AMOUNT.
            amount: of an amount line, whole units of the currency (times a hundred in yen).
            due: due day; None is the order day plus 30.
            cur: currency index, default the entity's.
            closed: day on which it is closed.
            size: the price is so many times the usual one.
            fate: BASE, DRAFT, REJECTED or CANCELLED.
            exists: False keeps the order out of the source: only its number is used.
            other: order line columns that win.
        """
        ono = FIRST_ORDER + len(self._documents)
        self._documents[ono] = 0
        currency = int(w.FUNCTIONAL[ent]) if cur is None else cur
        factor = 100 if w.CURRENCIES[currency] == "JPY" else 1
        acct = other.get("acct", w.ACCOUNT["6110" if ltype == w.QUANTITY else "6210"])
        q, p = (Q, 125 * 10_000 * factor * size) if ltype == w.QUANTITY else (0, 0)
        net = amount * factor * 10 ** int(w.MINOR[currency]) if ltype == w.AMOUNT else int(
            w.value_of(w.as_ints(q), w.as_ints(p), w.as_ints(currency))
        )  # fmt: skip
        cost = w.tax_tables()[0][ent, acct] if acct < len(w.ACCOUNTS) and ent < len(w.ENTITIES) else 0
        row = {
            "ono": ono, "line": 1, "ent": ent, "ltype": ltype, "fate": fate, "cur": currency, "sup": ono % 150, "acct": acct,
            "cc": int(w.cost_center(w.as_ints(ent), w.as_ints(0), w.as_ints(0))), "proj": -1,
            "prog": int(w.program(w.as_ints(0), w.as_ints(0))), "unit": 0 if ltype == w.QUANTITY else -1, "q": q, "p": p,
            "net": net, "tax": int(w.half_up(w.as_ints(net * cost), 10_000)), "change_day": w.NEVER, "order_day": on,
            "approved_day": on, "issued_day": on, "due_day": on + 30 if due is None else due, "closed_day": closed,
            "req_day": w.NEVER, "grid": -1, "cut": False,
            "seen_day": on,
        } | other  # fmt: skip
        row |= {"q0": row["q"], "net0": row["net"], "tax0": row["tax"]}
        if exists:
            self.orders.append(row)
        kept = {
            k: int(row[k])
            for k in (
                "ono",
                "ent",
                "ltype",
                "cur",
                "q",
                "p",
                "net",
                "tax",
                "acct",
                "cc",
                "sup",
                "prog",
                "order_day",
            )
        }
        return PlantedOrder(**kept, exists=exists)

    def _number(self, order: PlantedOrder) -> int:
        self._documents[order.ono] += 1
        return order.ono * DOCUMENTS_PER_ORDER + self._documents[order.ono]

    def receive(self, order: PlantedOrder, on: int, q: int = Q, **other: Any) -> None:
        """A receipt line of the order; q in tenths of a unit."""
        value = order.value(q)
        tax = order.tax * value // order.net if order.net else 0
        self.receipts.append(
            {
                "rno": self._number(order), "line": 1, "ono": order.ono, "oline": 1, "ent": order.ent, "ltype": order.ltype,
                "sup": order.sup, "cur": order.cur, "acct": order.acct, "cc": order.cc, "proj": -1, "prog": order.prog,
                "unit": 0 if order.ltype == w.QUANTITY else -1, "q": q, "rejected": 0, "amount": None, "value": value + tax,
                "day": on, "cancelled_day": w.NEVER, "order_day": order.order_day,
            } | other
        )  # fmt: skip

    def invoice(self, order: PlantedOrder, on: int, q: int = Q, **other: Any) -> int:
        """An invoice line of the order, approved and posted on its day; returns the invoice number. q in tenths."""
        ino = self._number(order)
        net = int(other.get("net", order.value(q)))
        cost, recoverable = (int(table[order.ent, order.acct]) for table in w.tax_tables())
        tax = int(other.get("tax", int(w.half_up(w.as_ints(net * cost), 10_000))))
        accrued = 0
        if order.exists and w.RELIEF[order.ent, order.ltype] == w.RELIEF_RECEIPT:
            expected = order.value(q) if order.ltype == w.QUANTITY else net
            accrued = expected + (order.tax * expected // order.net if order.net else 0)
        self.invoices.append(
            {
                "ino": ino, "line": 1, "ono": order.ono, "oline": 1, "ent": order.ent, "ltype": order.ltype, "sup": order.sup,
                "cur": order.cur, "acct": order.acct, "cc": order.cc, "proj": -1, "prog": order.prog,
                "unit": 0 if order.ltype == w.QUANTITY else -1, "q": q if order.ltype == w.QUANTITY else 0, "p": order.p,
                "net": net, "tax": tax, "vat": int(w.half_up(w.as_ints(net * recoverable), 10_000)), "accrued": accrued,
                "credit": False, "document_day": on - 1, "day": on, "approved_day": on, "cancelled_day": w.NEVER,
                "paid_day": w.NEVER, "post_seen": on, "post_day": on, "post_delta": 0, "post_cur": other.get("cur", order.cur),
                "post_acct": order.acct, "post_cc": order.cc, "again_seen": w.NEVER, "reversed_day": w.NEVER, "paper": ino,
                "typed": 0, "order_day": order.order_day,
            } | other
        )  # fmt: skip
        return ino

    def bill(self, ent: int, on: int, amount: int, *, sup: int, **other: Any) -> int:
        """An invoice that names no order; amount in hundredths of the currency's unit. Returns the invoice number."""
        order = replace(self.order(ent, on, ltype=w.AMOUNT, exists=False), sup=sup)
        minor = amount * 10 ** int(w.MINOR[order.cur]) // 100
        return self.invoice(order, on, net=minor, **({"ono": -1, "oline": -1} | other))

    def entry(self, ent: int, on: int, lines: Sequence[Mapping[str, int]], **other: int) -> int:
        """A manual journal in functional currency, dated and seen on its day; returns its number.

        Args:
            ent: entity index.
            on: posting date.
            lines: per line ``acct`` and ``amt`` in whole units of the currency, and further columns.
            other: columns of all lines.
        """
        self._last_journal += 1
        cur = int(w.FUNCTIONAL[ent])
        for number, line in enumerate(lines, start=1):
            minor = line["amt"] * 10 ** int(w.MINOR[cur])
            row = dict.fromkeys(JOURNAL_LINE, -1) | {
                "jtype": MN, "jid": self._last_journal, "line": number, "ent": ent, "day": on, "seen": on, "document_day": on,
                "period": int(w.period_of(w.as_ints([ent]), w.as_ints([on]))[0]), "cur": cur,
            } | other | dict(line) | {"amt": minor, "famt": minor}  # fmt: skip
            self.journals.append(row)
        return self._last_journal

    def item(self, ent: int, on: int, sup: int, amount: int) -> None:
        """An item of the payables sub-ledger that no journal stands behind; amount in whole units, debit positive."""
        minor = amount * 10 ** int(w.MINOR[w.FUNCTIONAL[ent]])
        self.items.append({"number": len(self.items) + 1, "ent": ent, "day": on, "sup": sup, "famt": minor})

    def posting_without_document(self, order: PlantedOrder, on: int, amount: int) -> int:
        """An invoice journal whose invoice procurement does not have; amount in whole units. Returns the invoice number."""
        ino = self._number(order)
        coding = {"cc": order.cc, "prog": order.prog}
        self.entry(
            order.ent, on,
            [{"acct": order.acct, "amt": amount, "line": 11, "ref_line": 1, **coding},
             {"acct": w.ACCOUNT["2000"], "amt": -amount, "line": 99}],
            jtype=AP, jid=ino * 4, ref=ino, sup=order.sup,
        )  # fmt: skip
        return ino

    def requisition(self, ent: int, on: int, **other: int) -> int:
        """A requisition line that was submitted and waits; returns its number."""
        number = FIRST_ORDER + len(self.requisitions)
        cur = int(w.FUNCTIONAL[ent]) if ent < len(w.ENTITIES) else 0
        self.requisitions.append(
            {
                "rqno": number, "line": 1, "ent": ent, "sup": number % 150, "cur": cur, "acct": w.ACCOUNT["6110"],
                "cc": int(w.cost_center(w.as_ints(ent % len(w.ENTITIES)), w.as_ints(0), w.as_ints(0))), "proj": -1,
                "prog": int(w.program(w.as_ints(0), w.as_ints(0))), "unit": 0, "q": 100, "p": 10**6,
                "amount": 1000 * 10 ** int(w.MINOR[cur]), "requested_day": on, "created_day": on, "approved_day": w.NEVER,
                "ordered_day": w.NEVER, "closed_day": w.NEVER, "rejected_day": w.NEVER, "deleted_day": w.NEVER,
            } | other
        )  # fmt: skip
        return number

    def budget(self, version: int, ent: int, on: int, acct: str, proj: int, amount: int, **other: int) -> str:
        """A budget line for the period of a day, amount in whole units; returns its line id."""
        self._last_cell += 1
        period = int(w.period_of(w.as_ints([ent]), w.as_ints([on]))[0])
        row = {
            "version": version, "cell": self._last_cell, "ent": ent, "acct": w.ACCOUNT[acct], "proj": proj,
            "cc": int(w.cost_center(w.as_ints(ent), w.as_ints(1), w.as_ints(0))) - 1,
            "prog": int(w.program(w.as_ints(1), w.as_ints(0))), "year": w.FIRST_YEAR + period // w.PERIODS_PER_YEAR,
            "period": period % w.PERIODS_PER_YEAR + 1, "amount": amount * 10 ** int(w.MINOR[w.FUNCTIONAL[ent]]),
        } | other  # fmt: skip
        self.budget_lines.append(row)
        return budget_line_id(row)

    def spoil(self, table: str, record_key: str, field_name: str, text: str) -> None:
        """Replace a field of a record by a text that breaks its contract."""
        self.raw.setdefault(table, {}).setdefault(record_key, {})[field_name] = text

    def frames(self) -> dict[str, pl.DataFrame]:
        """The collected documents as frames of the generator."""
        tables: dict[str, tuple[list[dict[str, Any]], Mapping[str, type[pl.DataType]]]] = {
            "orders": (self.orders, ORDER_LINE), "receipts": (self.receipts, RECEIPT_LINE),
            "invoices": (self.invoices, INVOICE_LINE), "journals": (self.journals, JOURNAL_LINE),
            "requisitions": (self.requisitions, REQUISITION_LINE),
            "budget_lines": (self.budget_lines, BUDGET_LINE),
        }  # fmt: skip
        return {
            name: conform(pl.DataFrame(rows, infer_schema_length=None), schema)
            if rows
            else pl.DataFrame(schema=schema)
            for name, (rows, schema) in tables.items()
        }


def budget_line_id(row: Mapping[str, int]) -> str:
    """Line id of a budget line as planning writes it."""
    return f"{row['version']}-{row['cell']:06d}-{row['year']}-{max(row['period'], 0):02d}"


def spread_days(count: int, salt: int) -> list[int]:
    """Days of the instances of one problem: one in the open period, one long ago, one to come, the others over the years.

    Args:
        count: how many instances.
        salt: number of the problem, so that problems do not all fall on one day.
    """
    fixed = [w.day("2026-04-02") + salt % 15, w.day("2025-09-08") + salt % 14, w.day("2026-05-18") + salt % 9]
    more = w.day("2025-03-10") + (np.arange(max(count - len(fixed), 0)) * 97 + salt * 13) % 540
    return [*fixed[:count], *(int(d) for d in more)]
