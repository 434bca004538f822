"""Planted problems of procurement: three-way match (C07) and invoice to ledger (C09).

Belongs here: one function per reason, which puts documents of their own into the casebook and says what must be found.
Does not: problems of ledger, plan and master data (plants_books), how documents are posted (journals).

Every planted order is its own, of one line and of forty units at 125 in the entity's currency, so that no problem touches
another. What one problem brings with it stands in the answer key beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from finance_sync.sandbox import world as w
from finance_sync.sandbox.casebook import Casebook, PlantedOrder, Q, invoice_no, money, spread_days
from finance_sync.sandbox.plants_accruals import accrues, answer_age, answer_double, answer_grni, gross

MATCH_LAG: Final = 10
POSTING_LAG: Final = 3
_FIVE: Final = 50
"""Five units, in tenths."""
_EVERYWHERE: Final = (w.US, w.DE, w.GB, w.JP, w.KW)
_AT_INVOICE: Final = (w.GB, w.KW)
"""Entities whose ledger posts the expense at the invoice, so that its coding is seen there."""


def plant_match(book: Casebook, count: int) -> None:
    """Plant every reason of C07, ``count`` times and more."""
    for plant in (
        _price, _over_invoiced, _not_received, _short_receipt, _over_receipt, _rejected, _currency, _unit, _tax,
        _invoice_without_order, _receipt_without_order, _after_close,
    ):  # fmt: skip
        plant(book, count)


def plant_posting(book: Casebook, count: int) -> None:
    """Plant every reason of C09, ``count`` times and more."""
    for plant in (
        _not_posted,
        _posting_only,
        _twice,
        _other_amount,
        _other_currency,
        _other_period,
        _other_coding,
    ):
        plant(book, count)


def _instances(count: int, salt: int, entities: tuple[int, ...]) -> Iterator[tuple[int, int, int]]:
    """Number, entity and day of each instance of a problem."""
    for number, on in enumerate(spread_days(count, salt)):
        yield number, entities[(number + salt) % len(entities)], on


def _price(book: Casebook, count: int) -> None:
    for _, ent, on in _instances(count, 0, _EVERYWHERE):
        _overpriced(book, ent, on, w.NEVER, "five per cent above the order price")
    credited = w.day("2026-05-21")
    order = _overpriced(
        book, w.DE, w.day("2026-05-10"), credited - 1, "five per cent above the order price, credited later"
    )
    book.invoice(order, credited, 0, p=0, net=-(order.net * 105 // 100 - order.net), credit=True, accrued=0)


def _overpriced(book: Casebook, ent: int, on: int, until: int, note: str) -> PlantedOrder:
    order = book.order(ent, on - 30)
    book.receive(order, on - 2)
    net = order.net * 105 // 100
    book.invoice(order, on, p=order.p * 105 // 100, net=net)
    book.answer(
        "C07",
        "price_differs",
        ent,
        on,
        order.key,
        "price",
        money(order.net - net, order.cur),
        on,
        until,
        note,
    )
    return order


def _over_invoiced(book: Casebook, count: int) -> None:
    for number, ent, on in _instances(count, 1, _AT_INVOICE):
        if number % 2:
            order = book.order(ent, on - 40)
            book.receive(order, on - 2)
            book.invoice(order, on, Q + _FIVE)
            extra = money(order.value(_FIVE), order.cur)
            note = "45 invoiced, 40 ordered and received"
            book.answer(
                "C07", "over_invoiced", ent, on, order.key, "quantity_invoiced", -extra, on, note=note
            )
            book.answer(
                "C07",
                "invoiced_not_received",
                ent,
                on,
                order.key,
                "receipt_missing",
                extra,
                on + MATCH_LAG + 1,
                note=note,
            )
        else:
            order = book.order(ent, on - 40, ltype=w.AMOUNT)
            book.invoice(order, on - 8, net=order.net * 6 // 10)
            book.invoice(order, on, net=order.net // 2)
            book.answer(
                "C07", "over_invoiced", ent, on, order.key, "quantity_invoiced", money(-order.net // 10, order.cur), on,
                note="110 per cent of a limit invoiced",
            )  # fmt: skip


def _not_received(book: Casebook, count: int) -> None:
    for _, ent, on in _instances(count, 2, _EVERYWHERE):
        order = book.order(ent, on - 30, due=w.NEVER)
        book.receive(order, on - 2, Q - 3 * _FIVE)
        book.invoice(order, on)
        missing = money(order.value(3 * _FIVE), order.cur)
        book.answer(
            "C07", "invoiced_not_received", ent, on, order.key, "receipt_missing", missing, on + MATCH_LAG + 1,
            note="invoiced in full, 15 of 40 not delivered, no due date",
        )  # fmt: skip
    on = w.day("2026-05-01")
    order = book.order(w.US, on - 30, due=on + 18)
    book.receive(order, on - 2, Q - _FIVE)
    book.invoice(order, on)
    book.receive(order, on + 19, _FIVE)
    book.answer(
        "C07", "invoiced_not_received", w.US, on, order.key, "receipt_missing", money(order.value(_FIVE), order.cur),
        on + MATCH_LAG + 1, on + 18, "the rest is delivered after the invoice's ten days",
    )  # fmt: skip


def _short_receipt(book: Casebook, count: int) -> None:
    for _, ent, on in _instances(count, 3, _EVERYWHERE):
        _short(book, ent, on, w.NEVER)
    on = w.day("2026-05-02")
    order = _short(book, w.GB, on, on + 17)
    book.receive(order, on + 18, 2 * _FIVE)


def _short(book: Casebook, ent: int, due: int, until: int) -> PlantedOrder:
    order = book.order(ent, due - 30, due=due)
    book.receive(order, due, Q - 2 * _FIVE)
    book.invoice(order, due + 1, Q - 2 * _FIVE)
    missing = money(order.value(2 * _FIVE), order.cur)
    book.answer(
        "C07", "short_receipt", ent, due, order.key, "quantity_received", missing, due + MATCH_LAG + 1, until,
        "ten of 40 units are missing" + (" and come late" if until < w.NEVER else ""),
    )  # fmt: skip
    return order


def _over_receipt(book: Casebook, count: int) -> None:
    for _, ent, on in _instances(count, 4, _EVERYWHERE):
        order = book.order(ent, on - 30)
        book.receive(order, on, Q + _FIVE)
        book.invoice(order, on + 2)
        extra = money(-order.value(_FIVE), order.cur)
        book.answer(
            "C07",
            "over_receipt",
            ent,
            on,
            order.key,
            "quantity_received",
            extra,
            on,
            note="45 of 40 units received",
        )
        answer_age(book, order, on, _FIVE, "five units beyond the order, never invoiced")


def _rejected(book: Casebook, count: int) -> None:
    for _, ent, on in _instances(count, 5, _EVERYWHERE):
        order = book.order(ent, on - 30)
        book.receive(order, on - 5, Q - _FIVE)
        book.receive(order, on, _FIVE, rejected=30)
        book.invoice(order, on + 1)
        value = money(order.value(30), order.cur)
        book.answer(
            "C07",
            "rejected_goods",
            ent,
            on,
            order.key,
            "rejected",
            value,
            on,
            note="three units sent back at the gate",
        )


def _currency(book: Casebook, count: int) -> None:
    for _, ent, on in _instances(count, 6, _AT_INVOICE):
        order = book.order(ent, on - 30)
        book.receive(order, on - 2)
        foreign = w.ENTITIES[ent].foreign[1]
        book.invoice(order, on, cur=foreign, net=5000 * 100, tax=0)
        note = f"ordered in {w.CURRENCIES[order.cur]}, invoiced in {w.CURRENCIES[foreign]}"
        book.answer("C07", "currency_differs", ent, on, order.key, "currency", None, on, note=note)


def _unit(book: Casebook, count: int) -> None:
    box = w.UNITS.index("BOX")
    for number, ent, on in _instances(count, 7, _EVERYWHERE):
        order = book.order(ent, on - 30)
        book.receive(order, on, unit=box if number % 2 else 0)
        book.invoice(order, on, unit=0 if number % 2 else box)
        note = "received in boxes" if number % 2 else "invoiced in boxes"
        book.answer(
            "C07", "unit_differs", ent, on, order.key, "unit", None, on, note=note + ", ordered in pieces"
        )


def _tax(book: Casebook, count: int) -> None:
    for _, ent, on in _instances(count, 8, (w.US, w.GB)):
        order = book.order(ent, on - 30)
        book.receive(order, on - 2)
        book.invoice(order, on, tax=order.tax + order.net // 100)
        note = "a percentage point more of tax that is cost"
        book.answer(
            "C07",
            "tax_differs",
            ent,
            on,
            order.key,
            "tax",
            money(-order.net // 100, order.cur),
            on,
            note=note,
        )


def _invoice_without_order(book: Casebook, count: int) -> None:
    for _, ent, on in _instances(count, 9, _AT_INVOICE):
        order = book.order(ent, on - 30, exists=False)
        book.invoice(order, on)
        total = money(-order.net - order.tax, order.cur)
        note = "names an order that does not exist"
        book.answer(
            "C07", "invoice_without_order", ent, on, order.key, "order_of_invoice", total, on, note=note
        )


def _receipt_without_order(book: Casebook, count: int) -> None:
    for _, ent, on in _instances(count, 10, _AT_INVOICE):
        order = book.order(ent, on - 30, exists=False)
        book.receive(order, on)
        note = "names an order that does not exist"
        book.answer(
            "C07", "receipt_without_order", ent, on, order.key, "order_of_receipt", None, on, note=note
        )


def _after_close(book: Casebook, count: int) -> None:
    for number, ent, on in _instances(count, 11, _EVERYWHERE):
        order = book.order(ent, on - 40, closed=on - 5, cut=bool(number % 2))
        if number % 2:
            book.receive(order, on - 10, Q - 2 * _FIVE)
            book.invoice(order, on - 8, Q - 2 * _FIVE)
            book.receive(order, on, _FIVE)
            late, note = _FIVE, "five more units received after a short-close"
            answer_age(book, order, on, _FIVE, note)
        else:
            book.receive(order, on - 12)
            book.invoice(order, on - 8, Q - 3 * _FIVE)
            book.invoice(order, on, 3 * _FIVE)
            late, note = 3 * _FIVE, "the last invoice came after the close"
        book.answer(
            "C07",
            "after_close",
            ent,
            on,
            order.key,
            "close",
            money(-order.value(late), order.cur),
            on,
            note=note,
        )


# ---------------------------------------------------------------------------------------------------- C09
def _invoiced(book: Casebook, ent: int, on: int, size: int = 1, **posting: int) -> tuple[PlantedOrder, int]:
    """An order received and invoiced in full; ``posting`` says what the ledger makes of it."""
    order = book.order(ent, on - 30, size=size)
    book.receive(order, on - 2)
    return order, book.invoice(order, on, **posting)


def _size(number: int) -> int:
    """The first instance is large enough to be severe."""
    return 1 if number else 40


def _key(ino: int, system: str = "procurement") -> str:
    return f"{system}|{invoice_no(ino)}"


def _not_posted(book: Casebook, count: int) -> None:
    for number, ent, on in _instances(count, 12, _EVERYWHERE):
        order, ino = _invoiced(book, ent, on, _size(number), post_seen=w.NEVER)
        total = money(order.net + order.tax, order.cur)
        note = "approved and stuck in the interface"
        book.answer(
            "C09", "not_posted", ent, on, _key(ino), "posting", total, on + POSTING_LAG + 1, note=note
        )
        if accrues(order):
            answer_grni(book, order, "invoice_not_cleared", on, -gross(order), on + POSTING_LAG + 1, note)
    on = w.day("2026-05-10")
    order, ino = _invoiced(book, w.KW, on, post_seen=on + 9)
    book.answer(
        "C09", "not_posted", w.KW, on, _key(ino), "posting", money(order.net + order.tax, order.cur), on + POSTING_LAG + 1,
        on + 8, "posted nine days late",
    )  # fmt: skip


def _posting_only(book: Casebook, count: int) -> None:
    for number, ent, on in _instances(count, 13, _AT_INVOICE):
        if number % 2:
            order, ino = _invoiced(book, ent, on, cancelled_day=on + 4)
            total, seen, note = (
                order.net + order.tax,
                on + 4,
                "cancelled in procurement, not reversed in the ledger",
            )
            answer_double(book, order, on, seen, note)
        else:
            order = book.order(ent, on - 30, exists=False)
            ino = book.posting_without_document(order, on, 1200)
            total, seen, note = (
                1200 * 10 ** int(w.MINOR[order.cur]),
                on,
                "posted by hand, unknown to procurement",
            )
        key = _key(ino, "ledger")
        book.answer(
            "C09",
            "posting_without_invoice",
            ent,
            on,
            key,
            "posting",
            money(-total, order.cur),
            seen,
            note=note,
        )


def _twice(book: Casebook, count: int) -> None:
    for number, ent, on in _instances(count, 14, _EVERYWHERE):
        order, ino = _invoiced(book, ent, on, _size(number), again_seen=on + 2)
        total = money(-order.net - order.tax, order.cur)
        book.answer(
            "C09",
            "posted_twice",
            ent,
            on,
            _key(ino),
            "duplicate",
            total,
            on + 2,
            note="the interface ran twice",
        )
        if accrues(order):
            answer_grni(book, order, "balance_differs", on, gross(order), on + 2, "cleared twice")


def _other_amount(book: Casebook, count: int) -> None:
    for _, ent, on in _instances(count, 15, _EVERYWHERE):
        wrong = -45 * 10 ** int(w.MINOR[w.FUNCTIONAL[ent]])
        order, ino = _invoiced(book, ent, on, post_delta=wrong)
        note = "45 too little in the ledger"
        book.answer(
            "C09", "amount_differs", ent, on, _key(ino), "amount", money(-wrong, order.cur), on, note=note
        )


def _other_currency(book: Casebook, count: int) -> None:
    for _, ent, on in _instances(count, 16, _AT_INVOICE):
        order = book.order(ent, on - 30, cur=w.CURRENCIES.index("USD"))
        book.receive(order, on - 2)
        ino = book.invoice(order, on, post_cur=w.CURRENCIES.index("EUR"))
        book.answer(
            "C09", "currency_differs", ent, on, _key(ino), "currency", None, on, note="USD posted as EUR"
        )


def _other_period(book: Casebook, count: int) -> None:
    """The invoice is of a month's last days, the posting of the next month's first."""
    months = [date(2026, 4, 1), date(2025, 9, 1), date(2026, 5, 1)]
    months += [
        date(2025 + (number * 5 + 2) // 12, (number * 5 + 2) % 12 + 1, 1)
        for number in range(min(max(count - 3, 0), 4))
    ]
    for number, month in enumerate(months[:count]):
        following = w.day((month + timedelta(days=32)).replace(day=1).isoformat())
        ent = (w.GB, w.DE, w.KW, w.JP)[number % 4]
        on = following - 2
        _, ino = _invoiced(book, ent, on, post_seen=following, post_day=following)
        note = "posted two days later, in the next period"
        book.answer("C09", "period_differs", ent, on, _key(ino), "period", None, following, note=note)


def _other_coding(book: Casebook, count: int) -> None:
    for number, ent, on in _instances(count, 18, _AT_INVOICE):
        center = int(w.cost_center(w.as_ints(ent), w.as_ints(0), w.as_ints(1)))
        posting = {"post_cc": center} if number % 2 else {"post_acct": w.ACCOUNT["6120"]}
        _, ino = _invoiced(book, ent, on, **posting)
        note = "posted to another cost center" if number % 2 else "posted to another account"
        book.answer("C09", "coding_differs", ent, on, _key(ino), "coding", None, on, note=note)
