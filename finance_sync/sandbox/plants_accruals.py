"""Planted problems between order lines and the ledger: received and not invoiced (C11), cost beside its commitment (C06).

Belongs here: documents and journals of their own for every reason, and their rows of the answer key. Does not: what other
problems bring with them here (plants).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from finance_sync.sandbox import world as w
from finance_sync.sandbox.casebook import Casebook, PlantedOrder, Q, money, spread_days

POSTING_LAG: Final = 3
AGE_LIMIT: Final = 90
MATCH_LAG: Final = 10
_AT_RECEIPT: Final = (w.US, w.DE, w.JP)
_AT_INVOICE: Final = (w.GB, w.KW)
_GRNI: Final = "2100"


def accrues(order: PlantedOrder) -> bool:
    """The ledger accrues receipts of the order on the GRNI account."""
    return bool(w.RELIEF[order.ent, order.ltype] == w.RELIEF_RECEIPT)


def gross(order: PlantedOrder) -> Decimal:
    """What the order line comes to with the tax that is cost."""
    return money(order.net + order.tax, order.cur)


def answer_grni(
    book: Casebook, order: PlantedOrder, reason: str, on: int, amount: Decimal, seen: int, note: str
) -> None:
    """A row of the key for the balance of an order line: open by its documents, less what the ledger has."""  # fmt: skip
    book.answer("C11", reason, order.ent, on, order.key, "balance", amount, seen, note=note)


def answer_age(book: Casebook, order: PlantedOrder, on: int, q: int, note: str) -> None:
    """A row of the key for units received on a day and never invoiced."""
    if not accrues(order):
        return
    value = order.value(q)
    open_amount = money(value + order.tax * value // order.net, order.cur)
    over = on + AGE_LIMIT + 1
    book.answer(
        "C11", "not_invoiced_in_time", order.ent, over, order.key, "age", open_amount, over, note=note
    )


def plant_accruals(book: Casebook, count: int) -> None:
    """Plant every reason of C11 and C06, ``count`` times."""
    for number, on in enumerate(spread_days(count, 50)):
        _manual(book, _AT_RECEIPT[number % 3], on)
    for number, on in enumerate(spread_days(count, 51)):
        _not_accrued(book, _AT_RECEIPT[number % 3], on)
    for number, on in enumerate(spread_days(count, 52)):
        _not_cleared(book, _AT_RECEIPT[(number + 1) % 3], on)
    for number, on in enumerate(spread_days(count, 53)):
        _without_documents(book, number, _AT_RECEIPT[(number + 2) % 3], on)
    for number, on in enumerate(spread_days(min(count, 3), 54)):
        _without_order(book, _AT_RECEIPT[number], on)
    for number, on in enumerate(spread_days(count, 55)):
        _aged(book, _AT_RECEIPT[number % 3], on)
    for number, on in enumerate(spread_days(count, 56)):
        _accrued_by_hand(book, _AT_INVOICE[number % 2], on)
    for number, on in enumerate(spread_days(count, 57)):
        _cost_at_invoice(book, _AT_RECEIPT[number % 3], on)


def _complete(book: Casebook, ent: int, on: int, **posting: int) -> PlantedOrder:
    """An order received and invoiced in full on one day, ten days before."""
    order = book.order(ent, on - 40)
    book.receive(order, on - 12)
    book.invoice(order, on - 10, **posting)
    return order


def _whole(order: PlantedOrder, amount: int) -> int:
    """Whole units of the currency, times a hundred in yen."""
    return amount * (100 if w.CURRENCIES[order.cur] == "JPY" else 1)


def _manual(book: Casebook, ent: int, on: int) -> None:
    order = _complete(book, ent, on)
    amount = _whole(order, 300)
    named = {"acct": w.ACCOUNT[_GRNI], "amt": amount, "ono": order.ono, "oline": 1}
    book.entry(ent, on, [named, {"acct": w.ACCOUNT["1400"], "amt": -amount}])
    difference = money(amount * 10 ** int(w.MINOR[order.cur]), order.cur)
    answer_grni(book, order, "balance_differs", on, difference, on, "300 taken off by hand")


def _not_accrued(book: Casebook, ent: int, on: int) -> None:
    order = book.order(ent, on - 20)
    book.receive(order, on, value=0)
    note = "received, and the ledger has not heard of it"
    answer_grni(book, order, "receipt_not_accrued", on, gross(order), on + POSTING_LAG + 1, note)
    answer_age(book, order, on, Q, note)


def _not_cleared(book: Casebook, ent: int, on: int) -> None:
    """The invoice's cost comes a second time instead of clearing what the receipt accrued."""
    order = book.order(ent, on - 30)
    book.receive(order, on - 12)
    book.invoice(order, on, accrued=0)
    note = "the invoice was posted to expense and did not clear the accrual"
    answer_grni(book, order, "invoice_not_cleared", on, -gross(order), on + POSTING_LAG + 1, note)


def _without_documents(book: Casebook, number: int, ent: int, on: int) -> None:
    """The journal names an order that does not exist, or one whose cost is posted at the invoice."""
    own = w.RELIEF[ent, w.AMOUNT] == w.RELIEF_INVOICE and number % 2
    order = book.order(ent, on - 20, ltype=w.AMOUNT if own else w.QUANTITY, exists=bool(own))
    amount = _whole(order, 700)
    named = {"acct": w.ACCOUNT[_GRNI], "amt": -amount, "ono": order.ono, "oline": 1}
    book.entry(ent, on, [{"acct": w.ACCOUNT["1400"], "amt": amount}, named])
    difference = -money(amount * 10 ** int(w.MINOR[order.cur]), order.cur)
    answer_grni(
        book,
        order,
        "balance_without_documents",
        on,
        difference,
        on,
        "accrued by hand for an order that does not accrue",
    )


def _without_order(book: Casebook, ent: int, on: int) -> None:
    cur = int(w.FUNCTIONAL[ent])
    book.entry(ent, on, [{"acct": w.ACCOUNT["1400"], "amt": 450}, {"acct": w.ACCOUNT[_GRNI], "amt": -450}])
    book.answer(
        "C11", "posting_without_order", ent, on, f"ledger|{_GRNI}", "unassigned", -money(450 * 10 ** int(w.MINOR[cur]), cur), on,
        note="a manual posting that names no order",
    )  # fmt: skip


def _aged(book: Casebook, ent: int, on: int) -> None:
    order = book.order(ent, on - 30)
    book.receive(order, on)
    answer_age(book, order, on, Q, "received in full and never invoiced")


def _accrued_by_hand(book: Casebook, ent: int, on: int) -> None:
    """C06: the policy says that the invoice relieves, and somebody accrues the receipt."""
    order = book.order(ent, on - 20)
    book.receive(order, on - 1)
    amount = 5000
    cost = {
        "acct": order.acct,
        "amt": amount,
        "cc": order.cc,
        "prog": order.prog,
        "ono": order.ono,
        "oline": 1,
    }
    book.entry(ent, on, [cost, {"acct": w.ACCOUNT["2300"], "amt": -amount}])
    answer_double(book, order, on, on, "accrued at the receipt by hand, though the invoice relieves")


def answer_double(book: Casebook, order: PlantedOrder, on: int, seen: int, note: str) -> None:
    """A row of the key for a line whose whole cost stands beside its whole commitment."""
    book.answer("C06", "double_count", order.ent, on, order.key, "commitment", gross(order), seen, note=note)


def _cost_at_invoice(book: Casebook, ent: int, on: int) -> None:
    """C06: the policy says that the receipt relieves, and the invoice is posted as cost before anything came."""
    order = book.order(ent, on - 20, due=w.NEVER)
    book.invoice(order, on, accrued=0)
    note = "invoiced before the receipt and posted as cost"
    answer_double(book, order, on, on, note)
    answer_grni(book, order, "invoice_not_cleared", on, -gross(order), on + POSTING_LAG + 1, note)
    book.answer(
        "C07", "invoiced_not_received", ent, on, order.key, "receipt_missing", money(order.net, order.cur), on + MATCH_LAG + 1,
        note=note,
    )  # fmt: skip
