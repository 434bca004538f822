"""Planted problems of the payables: open items that do not make the control account (C10).

Belongs here: items and manual journals on the control account, and their rows of the answer key. Does not: documents of
procurement (plants).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from finance_sync.sandbox import world as w
from finance_sync.sandbox.casebook import Casebook, money, spread_days

_CONTROL: Final = w.ACCOUNT["2000"]
_CLEARING: Final = w.ACCOUNT["1400"]
_POSTED_ALONE: Final = w.EXTRA_SUPPLIER["S-09401"]
_ITEM_ALONE: Final = w.EXTRA_SUPPLIER["S-09402"]
_MOST: Final = len(w.ENTITIES)
"""A supplier has one balance per entity, so each problem comes once in each."""


def plant_payables(book: Casebook, count: int) -> None:
    """Plant every reason of C10, once in as many entities."""
    several = min(count, _MOST)
    for number, on in enumerate(spread_days(several, 60)):
        supplier = 190 + number
        book.bill(number, on - 20, 98_700 + number, sup=supplier)
        book.item(number, on, supplier, -250)
        _answer(
            book, "balance_differs", number, on, supplier, -250, "an item entered in the sub-ledger alone"
        )
    for number, on in enumerate(spread_days(several, 61)):
        ent = (number + 1) % _MOST
        book.item(ent, on, _ITEM_ALONE, -340)
        _answer(
            book,
            "item_without_posting",
            ent,
            on,
            _ITEM_ALONE,
            -340,
            "a supplier that the control account does not know",
        )
    for number, on in enumerate(spread_days(several, 62)):
        ent = (number + 2) % _MOST
        _post(book, ent, on, 430, {"sup": _POSTED_ALONE})
        _answer(
            book,
            "posting_without_item",
            ent,
            on,
            _POSTED_ALONE,
            430,
            "posted by hand for a supplier without items",
        )
    for number, on in enumerate(spread_days(several, 63)):
        ent = (number + 3) % _MOST
        _post(book, ent, on, 520, {})
        _answer(book, "posting_without_supplier", ent, on, None, 520, "posted by hand, and no supplier named")


def _post(book: Casebook, ent: int, on: int, amount: int, named: dict[str, int]) -> None:
    book.entry(ent, on, [{"acct": _CLEARING, "amt": amount}, {"acct": _CONTROL, "amt": -amount} | named])


def _answer(
    book: Casebook, reason: str, ent: int, on: int, supplier: int | None, difference: int, note: str
) -> None:
    cur = int(w.FUNCTIONAL[ent])
    amount: Decimal = money(difference * 10 ** int(w.MINOR[cur]), cur)
    key = "NONE" if supplier is None else w.LEDGER_SUPPLIER_CODES[supplier]
    book.answer("C10", reason, ent, on, key, "balance", amount, on, note=note)
