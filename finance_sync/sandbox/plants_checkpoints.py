"""Planted differences at checkpoints: what systems state of the budget (C03), what the ledger carries as committed (C04).

Belongs here: budget cells and order lines of their own for every reason, and their rows of the answer key. Does not: the lists
themselves (checkpoints, commitments), other problems of plan and procurement (plants_books, plants).

Nothing is spent on the planted cells, and nothing comes for the planted order lines, which are open: no other control has
anything to say about them.
"""

from __future__ import annotations

from typing import Final

from finance_sync.sandbox import world as w
from finance_sync.sandbox.budgets import DRAFT, LATER, ORIGINAL, VERSIONS
from finance_sync.sandbox.casebook import Casebook, PlantedOrder, money, order_no, spread_days

LAG: Final = 3
"""Days within which a movement must have come across."""
_CARRIED: Final = 90
_EVERYWHERE: Final = (w.US, w.DE, w.GB, w.JP, w.KW)
_BUDGET_LAG: Final = 2
_PLANNED: Final = 8000
_STATED: Final = 90
_APPROVED, _PUBLISHED = 0, 1
_STAGES: Final = (("approved", "planning"), ("published", "procurement"))
_FIRST_DAYS: Final = ("2026-04-02", "2026-02-09", "2026-06-03")
_MORE_FROM: Final = w.day("2026-01-12")
_FOUR_WEEKS: Final = 28


def plant_checkpoint(book: Casebook, count: int) -> None:
    """Plant every reason of C03, ``count`` times; the third of each comes with the adjustment that is approved later."""
    for number in range(count):
        _unstated(book, _PUBLISHED, number, "6100", 92, w.NEVER)
        _unstated(book, _APPROVED, number, "6200", 91, w.NEVER)
        _otherwise(book, _PUBLISHED, number, "6200", 92)
        _otherwise(book, _APPROVED, number, "6300", 91)
        _beside(book, _PUBLISHED, number, "6300", 92)
        _beside(book, _APPROVED, number, "6000", 91)
        _in_another_currency(book, number, "6500", 92)
        _in_two_currencies(book, number, "6100", 91)
    _unstated(book, _PUBLISHED, 1, "6500", 91, w.day("2026-05-20"))


def _place(number: int) -> tuple[int, int, int]:
    """Entity, day and budget version of an instance; no two fall on one entity and period."""
    more = _MORE_FROM + _FOUR_WEEKS * (number - len(_FIRST_DAYS))
    on = w.day(_FIRST_DAYS[number]) if number < len(_FIRST_DAYS) else more
    return number % len(w.ENTITIES), on, LATER if number == len(_FIRST_DAYS) - 1 else ORIGINAL + 1


def _unstated(book: Casebook, stage: int, number: int, account: str, project: int, until: int) -> None:
    """A budget that a system does not state, which is missed from the first day of its period."""
    ent, on, version = _place(number)
    book.budget(version, ent, on, account, w.special_project(ent, project), _PLANNED)
    _statement(book, stage, ent, on, account, project, percent=0, day=until)
    starts = int(
        w.period_starts(int(w.CALENDAR_OF[ent]))[int(w.period_of(w.as_ints([ent]), w.as_ints([on]))[0])]
    )
    known = VERSIONS[version].approved_day + _BUDGET_LAG + 1
    note = "never published" if until == w.NEVER else "published late"
    _answer(
        book, stage, "not_published" if stage else "not_approved", ent, on, (account, project), _PLANNED, max(starts, known),
        until=until, note=note if stage else "planning's totals leave it out",
    )  # fmt: skip


def _otherwise(book: Casebook, stage: int, number: int, account: str, project: int) -> None:
    """Nine tenths of a budget are stated."""
    ent, on, version = _place(number)
    book.budget(version, ent, on, account, w.special_project(ent, project), _PLANNED)
    _statement(book, stage, ent, on, account, project, percent=_STATED)
    difference = _PLANNED * (100 - _STATED) // 100
    _answer(book, stage, "amount_differs", ent, on, (account, project), difference, _seen(version, stage),
            note="nine tenths of it are stated")  # fmt: skip


def _beside(book: Casebook, stage: int, number: int, account: str, project: int) -> None:
    """A statement that no budget stands behind: a draft was published, a total has no lines."""
    ent, on, _ = _place(number)
    if stage:
        book.budget(DRAFT, ent, on, account, w.special_project(ent, project), _PLANNED)
    amount = _PLANNED * 10 ** int(w.MINOR[w.FUNCTIONAL[ent]])
    _statement(book, stage, ent, on, account, project, amount=amount, day=on)
    _answer(
        book, stage, "not_budgeted" if stage else "not_loaded", ent, on, (account, project), -_PLANNED, on + _BUDGET_LAG + 1,
        note="a draft was published" if stage else "a total without lines",
    )  # fmt: skip


def _in_another_currency(book: Casebook, number: int, account: str, project: int) -> None:
    ent, on, version = _place(number)
    book.budget(version, ent, on, account, w.special_project(ent, project), _PLANNED)
    _statement(book, _PUBLISHED, ent, on, account, project, cur=_others(ent)[0])
    _answer(book, _PUBLISHED, "currency_differs", ent, on, (account, project), None, _seen(version, _PUBLISHED),
            note="published in another currency")  # fmt: skip


def _in_two_currencies(book: Casebook, number: int, account: str, project: int) -> None:
    """Neither of the currencies that are stated is the budget's: three exceptions, one of each amount."""
    ent, on, version = _place(number)
    first, second = _others(ent)
    published = VERSIONS[version].approved_day + 1
    book.budget(version, ent, on, account, w.special_project(ent, project), _PLANNED)
    _statement(book, _PUBLISHED, ent, on, account, project, cur=first)
    _statement(book, _PUBLISHED, ent, on, account, project, cur=second, amount=123_000, day=published)
    for cur in (int(w.FUNCTIONAL[ent]), first, second):
        _answer(book, _PUBLISHED, "currency_ambiguous", ent, on, (account, project), None, _seen(version, _PUBLISHED),
                note="published in two other currencies", cur=cur)  # fmt: skip


def _others(ent: int) -> tuple[int, int]:
    """Two currencies that are not the entity's."""
    first, second, *_ = (c for c in range(len(w.ENTITIES)) if c != int(w.FUNCTIONAL[ent]))
    return first, second


def _seen(version: int, stage: int) -> int:
    """Day from which a statement of a version is judged."""
    return VERSIONS[version].approved_day + stage + _BUDGET_LAG + 1


def _statement(
    book: Casebook, stage: int, ent: int, on: int, account: str, project: int, *, percent: int = 100, cur: int = -1,
    amount: int = -1, day: int = w.NEVER,
) -> None:  # fmt: skip
    book.budget_statements.append(
        {
            "stage": stage, "ent": ent, "cc": int(w.cost_center(w.as_ints(ent), w.as_ints(1), w.as_ints(0))) - 1,
            "acct": w.ACCOUNT[account], "proj": w.special_project(ent, project),
            "prog": int(w.program(w.as_ints(1), w.as_ints(0))),
            "period": int(w.period_of(w.as_ints([ent]), w.as_ints([on]))[0]) % w.PERIODS_PER_YEAR + 1,
            "percent": percent, "cur": cur, "amount": amount, "day": day,
        }
    )  # fmt: skip


def _answer(
    book: Casebook, stage: int, reason: str, ent: int, on: int, coding: tuple[str, int], units: int | None, seen: int, *,
    until: int = w.NEVER, note: str, cur: int | None = None,
) -> None:  # fmt: skip
    """A row of the key for a cell: its coding is control account and number of the special project, units the difference."""
    account, project = coding
    aspect, system = _STAGES[stage]
    head = w.COST_CENTER_CODES[int(w.cost_center(w.as_ints(ent), w.as_ints(1), w.as_ints(0))) - 1]
    functional = int(w.FUNCTIONAL[ent])
    place = f"{w.ENTITIES[ent].locations[0]}|{w.PROGRAM_CODES[int(w.program(w.as_ints(1), w.as_ints(0)))]}"
    currency = w.CURRENCIES[functional if cur is None else cur]
    key = (
        f"{system}|{head}|{account}|{w.PROJECT_CODES[w.special_project(ent, project)]}|{place}|NONE|NONE|NONE|NONE"
        f"|{w.period_id(ent, on)}|{currency}"
    )
    difference = None if units is None else money(units * 10 ** int(w.MINOR[functional]), functional)
    last = until if until == w.NEVER else until - 1
    book.answer("C03", reason, ent, on, key, aspect, difference, seen, last, note)


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
