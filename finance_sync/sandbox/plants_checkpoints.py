"""Planted differences at checkpoints: what the ledger carries as committed (C04).

Belongs here: order lines of their own for every reason, and their rows of the answer key. Does not: the ledger's list itself
(commitments), other problems of procurement (plants).

The planted order lines are open and nothing comes for them, so that no other control has anything to say about them.
"""

from __future__ import annotations

from typing import Final

from finance_sync.sandbox import world as w
from finance_sync.sandbox.casebook import Casebook, PlantedOrder, money, order_no, spread_days

LAG: Final = 3
"""Days within which a movement must have come across."""
_CARRIED: Final = 90
_EVERYWHERE: Final = (w.US, w.DE, w.GB, w.JP, w.KW)


def plant_commitments(book: Casebook, count: int) -> None:
    """Plant every reason of C04, ``count`` times, and one that the ledger puts right."""
    for number, on in enumerate(spread_days(count, 60)):
        _missing(book, _EVERYWHERE[number % 5], on, w.NEVER)
    _missing(book, w.DE, w.day("2026-05-08"), w.day("2026-05-20"))
    for number, on in enumerate(spread_days(count, 61)):
        order = _changed(book, _EVERYWHERE[(number + 1) % 5], on, percent=_CARRIED)
        carried = int(w.half_up(w.as_ints(_total(order) * _CARRIED), 100))
        difference = money(_total(order) - carried, order.cur)
        book.answer("C04", "amount_differs", order.ent, on, _key(order.ono), "commitments", difference, on + LAG + 1,
                    note="the ledger carries nine tenths of it")  # fmt: skip
    for number, on in enumerate(spread_days(count, 62)):
        order = _changed(book, _EVERYWHERE[(number + 2) % 5], on - 20, kept=True, closed=on, cut=True)
        difference = money(-_total(order), order.cur)
        book.answer("C04", "nothing_open", order.ent, on, _key(order.ono), "commitments", difference, on + LAG + 1,
                    note="cancelled in procurement, still carried by the ledger")  # fmt: skip
    for number, on in enumerate(spread_days(count, 63)):
        ent = _EVERYWHERE[(number + 3) % 5]
        order = _changed(book, ent, on, other_cur=w.ENTITIES[ent].foreign[1])
        book.answer("C04", "currency_differs", ent, on, _key(order.ono), "commitments", None, on + LAG + 1,
                    note="carried in another currency")  # fmt: skip
    for number, on in enumerate(spread_days(count, 64)):
        order = book.order(_EVERYWHERE[(number + 4) % 5], on, exists=False)
        row = {
            "ono": order.ono,
            "line": 1,
            "ent": order.ent,
            "cur": order.cur,
            "open": _total(order),
            "day": on,
        }
        book.extra_commitments.append(row)
        book.answer("C04", "unknown_order", order.ent, on, _key(order.ono), "commitments", money(-_total(order), order.cur),
                    on + LAG + 1, note="the ledger carries a commitment of no order")  # fmt: skip


def _key(ono: int) -> str:
    """Business key: the stating system and the order line."""
    return f"ledger|{order_no(ono)}|1"


def _total(order: PlantedOrder) -> int:
    return order.net + order.tax


def _changed(
    book: Casebook, ent: int, on: int, *, percent: int = 100, kept: bool = False, other_cur: int = -1, until: int = w.NEVER,
    closed: int = w.NEVER, cut: bool = False,
) -> PlantedOrder:  # fmt: skip
    """An open order line that the ledger carries otherwise."""
    order = book.order(ent, on, due=w.NEVER, closed=closed, cut=cut)
    book.commitment_changes.append(
        {
            "ono": order.ono,
            "line": 1,
            "percent": percent,
            "kept": kept,
            "other_cur": other_cur,
            "until": until,
        }
    )
    return order


def _missing(book: Casebook, ent: int, on: int, until: int) -> None:
    order = _changed(book, ent, on, percent=0, until=until)
    note = "never reached the ledger" if until == w.NEVER else "reached the ledger late"
    book.answer("C04", "not_committed", ent, on, _key(order.ono), "commitments", money(_total(order), order.cur), on + LAG + 1,
                w.NEVER if until == w.NEVER else until - 1, note)  # fmt: skip
