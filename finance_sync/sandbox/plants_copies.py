"""Planted problems of duplicate invoices (C08), and what looks like one and is none.

Belongs here: documents of their own for every reason, and their rows of the answer key. Does not: other problems of
procurement (plants).

Most of them are bills that name no order, so that no other control has anything to say about them. Each has a supplier
and an amount of its own.
"""

from __future__ import annotations

from typing import Any

from finance_sync.sandbox import world as w
from finance_sync.sandbox.casebook import Casebook, Q, invoice_no, money, spread_days

_EVERYWHERE = (w.US, w.DE, w.GB, w.JP, w.KW)
_AT_INVOICE = (w.GB, w.KW)
_LAST_NAME = 100_000_007


def plant_copies(book: Casebook, count: int) -> None:
    """Plant every reason of C08, ``count`` times, and the pairs that are none."""
    for number, on in enumerate(spread_days(count, 40)):
        _same_number(book, number, _EVERYWHERE[number % 5], on)
    for number, on in enumerate(spread_days(count, 41)):
        _same_amount(book, number, _EVERYWHERE[(number + 1) % 5], on)
    for number, on in enumerate(spread_days(count, 42)):
        _several(book, number, _EVERYWHERE[(number + 2) % 5], on)
    for number, on in enumerate(spread_days(count, 43)):
        _order_line_twice(book, _AT_INVOICE[number % 2], on)
    _credited(book)
    _innocent(book)


def _supplier(problem: int, number: int) -> int:
    return 10 + 17 * problem + number % 15


def _number_key(ino: int, sup: int) -> str:
    """Business key of a group of one number: the ledger's supplier and the number without what people type differently."""
    return f"{w.LEDGER_SUPPLIER_CODES[sup]}|R{ino * 7919 % _LAST_NAME}"


def _gross(book: Casebook, ino: int) -> tuple[int, int]:
    row = next(row for row in reversed(book.invoices) if row["ino"] == ino)
    return int(row["net"]) + int(row["tax"]), int(row["cur"])


def _copy(book: Casebook, ent: int, on: int, amount: int, sup: int, paper: int, **other: Any) -> int:
    """The same paper, entered once more."""
    return book.bill(ent, on, amount, sup=sup, paper=paper, **other)


def _same_number(book: Casebook, number: int, ent: int, on: int) -> None:
    """The copy is typed differently; every other time a third entry was cancelled, and the amount is not the same."""
    sup, amount = _supplier(0, number), 123_457 + 1_111 * number
    first = book.bill(ent, on - 40, amount, sup=sup)
    if number % 2:
        _copy(book, ent, on - 20, amount, sup, first, cancelled_day=on - 18, reversed_day=on - 18)
    second = _copy(book, ent, on, amount - 4_500 * (number % 2), sup, first, typed=1 + number % 2)
    (_, cur), (copied, _) = _gross(book, first), _gross(book, second)
    note = "one paper entered twice, the number typed in another way"
    book.answer(
        "C08", "same_number", ent, on, _number_key(first, sup), "number", money(-copied, cur), on,
        note=note + (", and once cancelled" if number % 2 else ""),
    )  # fmt: skip


def _same_amount(book: Casebook, number: int, ent: int, on: int) -> None:
    """Three days apart, under another number. A third one a fortnight earlier is none of them."""
    sup, amount = _supplier(1, number), 234_569 + 1_313 * number
    book.bill(ent, on - 17, amount, sup=sup)
    first = book.bill(ent, on - 3, amount, sup=sup)
    book.bill(ent, on, amount, sup=sup)
    gross, cur = _gross(book, first)
    book.answer(
        "C08", "same_amount", ent, on, f"procurement|{invoice_no(first)}", "amount", money(-gross, cur), on,
        note="the same amount three days later under another number",
    )  # fmt: skip


def _several(book: Casebook, number: int, ent: int, on: int) -> None:
    """Three of one amount, two days apart each, all entered on one day."""
    sup, amount = _supplier(2, number), 345_683 + 1_717 * number
    bills = [book.bill(ent, on, amount, sup=sup, document_day=day) for day in (on - 5, on - 3, on - 1)]
    gross, cur = _gross(book, bills[0])
    book.answer(
        "C08", "several_candidates", ent, on, f"procurement|{invoice_no(bills[0])}", "amount", money(-2 * gross, cur), on,
        note="three of one amount within four days",
    )  # fmt: skip


def _order_line_twice(book: Casebook, ent: int, on: int) -> None:
    """Received and invoiced in full, and a second invoice for the same line waits for approval."""
    order = book.order(ent, on - 30)
    book.receive(order, on - 12)
    book.invoice(order, on - 10)
    book.invoice(order, on, 3 * Q // 4, approved_day=w.NEVER, post_seen=w.NEVER)
    book.answer(
        "C08", "order_line_twice", ent, on, order.key, "order_line", money(-order.value(3 * Q // 4), order.cur), on,
        note="three quarters of the line invoiced again, not yet approved",
    )  # fmt: skip


def _credited(book: Casebook) -> None:
    """Found until the supplier's credit memo takes the copy back."""
    on, credited = w.day("2026-05-06"), w.day("2026-05-20")
    first = book.bill(w.GB, on - 30, 456_779, sup=_supplier(3, 0))
    _copy(book, w.GB, on, 456_779, _supplier(3, 0), first, typed=2)
    book.bill(w.GB, credited, -456_779, sup=_supplier(3, 0), credit=True)
    gross, cur = _gross(book, first)
    book.answer(
        "C08", "same_number", w.GB, on, _number_key(first, _supplier(3, 0)), "number", money(-gross, cur), on,
        credited - 1, "one paper entered twice, credited later",
    )  # fmt: skip


def _innocent(book: Casebook) -> None:
    """Entered twice and cancelled; credited under the invoice's own number; rent of the same amount every month."""
    on = w.day("2026-03-04")
    first = book.bill(w.KW, on, 567_811, sup=_supplier(4, 0))
    _copy(book, w.KW, on + 3, 567_811, _supplier(4, 0), first, cancelled_day=on + 5, reversed_day=on + 5)
    wrong = book.bill(w.DE, on, 678_917, sup=_supplier(4, 1))
    _copy(book, w.DE, on + 3, -678_917, _supplier(4, 1), wrong, credit=True)
    _copy(book, w.DE, on + 3, 670_001, _supplier(4, 1), wrong)
    for month in range(3):
        book.bill(w.US, on + 30 * month, 789_013, sup=_supplier(4, 2))
