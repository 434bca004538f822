"""Planted problems of ledger, plan, master data and rates (C01, C02, C18, C19, C25).

Belongs here: one function per control, which puts records of their own into the casebook and says what must be found.
Does not: procurement's documents (plants), stale and empty feeds (C22: feeds).
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Final

from finance_sync.sandbox import world as w
from finance_sync.sandbox.budgets import ADJUSTMENT, DRAFT, LATER, ORIGINAL, VERSIONS
from finance_sync.sandbox.casebook import Casebook, journal_no, money, order_no, requisition_no, spread_days
from finance_sync.sandbox.orders import BASE, PENDING
from finance_sync.sandbox.orders import DRAFT as DRAFT_ORDER

_LONG_AGO: Final = w.day("1926-04-09")
_FAR_AWAY: Final = w.day("2062-05-11")
_MONTHLY: Final = (w.DE, w.GB, w.JP, w.KW)
_TODAY: Final = w.START_DAY


def _month_end(on: int) -> int:
    """Last day of a day's calendar month."""
    return w.day((w.to_date(on).replace(day=1) + timedelta(days=32)).replace(day=1).isoformat()) - 1


def plant_ledger(book: Casebook, count: int) -> None:
    """Plant every reason of C02: journals and balances that do not agree."""
    bank, prepaid = w.ACCOUNT["1000"], w.ACCOUNT["1400"]
    for number, on in enumerate(spread_days(count, 20)):
        ent = number % len(w.ENTITIES)
        jid = book.entry(ent, on, [{"acct": prepaid, "amt": 910}, {"acct": bank, "amt": -900}])
        _unbalanced(book, ent, on, jid, 10, "debits 910, credits 900")
    for number, on in enumerate(spread_days(count, 21)):
        ent, end = _MONTHLY[number % len(_MONTHLY)], _month_end(on)
        _balance(book, ent, end, "2200", 25)
        book.answer(
            "C02", "balance_differs", ent, end, _account_key("2200", ent, end), "balance", _units(-25, ent), end,
            note="the ledger's balance is 25 too high",
        )  # fmt: skip
    for number, on in enumerate(spread_days(count, 22)):
        ent = (number + 1) % len(w.ENTITIES)
        _balance(book, ent, on, "1480", 730)
        book.answer(
            "C02", "balance_without_lines", ent, on, _account_key("1480", ent, on), "balance", _units(-730, ent), on,
            note="a balance without lines",
        )  # fmt: skip
    for number, on in enumerate(spread_days(count, 23)):
        ent = (number + 2) % len(w.ENTITIES)
        book.entry(ent, on, [{"acct": w.ACCOUNT[WITHOUT_BALANCE], "amt": 640}, {"acct": bank, "amt": -640}])
        book.answer(
            "C02", "lines_without_balance", ent, on, _account_key(WITHOUT_BALANCE, ent, on), "balance", _units(640, ent), on,
            note="lines that the ledger's balances leave out",
        )  # fmt: skip


WITHOUT_BALANCE: Final = "1470"
"""Account that the ledger's period balances leave out; only planted journals use it."""


def _units(amount: int, ent: int) -> Decimal:
    currency = int(w.FUNCTIONAL[ent])
    return money(amount * 10 ** int(w.MINOR[currency]), currency)


def _account_key(account: str, ent: int, on: int) -> str:
    return f"ledger|{account}|{w.period_id(ent, on)}"


def _unbalanced(book: Casebook, ent: int, on: int, jid: int, amount: int, note: str) -> None:
    key = f"ledger|{journal_no('MN', jid)}"
    book.answer("C02", "journal_unbalanced", ent, on, key, "journal", _units(amount, ent), on, note=note)


def _balance(book: Casebook, ent: int, on: int, account: str, amount: int) -> None:
    minor = amount * 10 ** int(w.MINOR[w.FUNCTIONAL[ent]])
    period = int(w.period_of(w.as_ints([ent]), w.as_ints([on]))[0])
    book.balance_changes.append(
        {"ent": ent, "period": period, "acct": w.ACCOUNT[account], "cc": -1, "famt": minor, "seen": on}
    )


def _unreadable_line(book: Casebook, ent: int, on: int, number: int) -> None:
    """A journal line that cannot land: its journal is out of balance, and its account's balance has no lines."""
    jid = book.entry(
        ent, on, [{"acct": w.ACCOUNT["1460"], "amt": 500}, {"acct": w.ACCOUNT["1000"], "amt": -500}]
    )
    name, text = (("local_amount", "5oo.00"), ("posting_date", "31.02.2026"), ("debit_credit", "X"))[
        number % 3
    ]
    record = f"{journal_no('MN', jid)}|1"
    book.spoil("journal_lines", record, name, text)
    note = f"{name} is {text!r}"
    book.answer(
        "C01", "rejected_record", None, None, f"ledger|journal_lines|{record}", name, None, on, note=note
    )
    _unbalanced(book, ent, on, jid, -500, note + ": only the credit landed")
    book.answer(
        "C02", "balance_without_lines", ent, on, _account_key("1460", ent, on), "balance", _units(-500, ent), on,
        note=note + ": its only line did not land",
    )  # fmt: skip


def plant_rejects(book: Casebook, count: int) -> None:
    """Records that break their contract: journal lines, requisitions, draft orders, draft budget lines."""
    for number, on in enumerate(spread_days(count, 24)):
        _unreadable_line(book, (number + 3) % len(w.ENTITIES), on, number)
    faults = (
        ("amount", "1,200.00"), ("amount", "1000000.005"), ("requested_on", "2026-13-45"), ("currency", "EURO"),
        ("currency", ""), ("quantity", "ten"), ("amount", "99999999999999999.00"),
    )  # fmt: skip
    for number, on in enumerate(spread_days(max(count, len(faults)), 25)):
        field, text = faults[number % len(faults)]
        rqno = book.requisition(number % len(w.ENTITIES), on, rejected_day=on + 3)
        record = f"{requisition_no(rqno)}|1"
        book.spoil("requisitions", record, field, text)
        key = f"procurement|requisitions|{record}"
        book.answer("C01", "rejected_record", None, None, key, field, None, on, note=f"{field} is {text!r}")
    for number, on in enumerate(spread_days(count, 26)):
        field, text = (("due_on", "30/02/2026"), ("unit_price", "n/a"))[number % 2]
        order = book.order(number % len(w.ENTITIES), on, fate=DRAFT_ORDER)
        record = f"{order_no(order.ono)}|1"
        book.spoil("order_lines", record, field, text)
        key = f"procurement|order_lines|{record}"
        book.answer("C01", "rejected_record", None, None, key, field, None, on, note=f"{field} is {text!r}")
    for number in range(count):
        field, text = (("currency", "XQX"), ("amount", "12a4,00"), ("amount", "10,005"))[number % 3]
        on = w.day("2026-03-02") + 31 * number
        line = book.budget(DRAFT, number % 2, min(on, w.LAST_DAY), "6400", -1, 100 + number)
        book.spoil("budget_changes", line, field, text)
        key = f"planning|budget_changes|{line}"
        book.answer(
            "C01", "rejected_record", None, None, key, field, None, w.FIRST_DAY, note=f"{field} is {text!r}"
        )


def plant_master_data(book: Casebook, count: int) -> None:
    """Plant every reason of C18."""
    for number in range(min(count, 2)):
        book.order(number, _TODAY - 30 + number, acct=w.EXTRA_ACCOUNT[f"MISC-99{9 - number}"], fate=PENDING)
        _code(
            book,
            "unmapped_code",
            "unmapped",
            "account",
            "procurement",
            f"MISC-99{9 - number}",
            _TODAY - 30 + number,
        )
        supplier = f"S-0900{number + 1}"
        book.requisition(number, _TODAY - 20 + number * 25, sup=w.EXTRA_SUPPLIER[supplier])
        _code(
            book, "unmapped_code", "unmapped", "supplier", "procurement", supplier, _TODAY - 20 + number * 25
        )
        book.requisition(number, _TODAY - 21 + number, proj=w.PROJECT[w.EXTRA_PROJECTS[number]])
        _code(
            book,
            "unmapped_code",
            "unmapped",
            "project",
            "procurement",
            w.EXTRA_PROJECTS[number],
            _TODAY - 21 + number,
        )
        book.requisition(len(w.ENTITIES) + number, _TODAY - 22 + number)
        _code(
            book,
            "unmapped_code",
            "unmapped",
            "legal_entity",
            "procurement",
            w.EXTRA_ENTITIES[number],
            _TODAY - 22 + number,
        )
        center = w.EXTRA_COST_CENTERS[number]
        book.entry(
            number, _TODAY - 8 + number * 9,
            [{"acct": w.ACCOUNT["1400"], "amt": 75, "cc": w.COST_CENTER[center]}, {"acct": w.ACCOUNT["1000"], "amt": -75}],
        )  # fmt: skip
        _code(book, "unmapped_code", "unmapped", "cost_center", "ledger", center, _TODAY - 8 + number * 9)
        _blocked(book, number)
        _ambiguous(book, number)
    for number, on in enumerate(spread_days(min(count, len(w.ENTITIES)), 27)):
        late = max(on, w.day("2026-01-02")) if number % 2 == 0 else on
        special = w.special_project(number, 90 if number % 2 == 0 else 93)
        book.requisition(number, min(late, w.day("2026-09-25")), proj=special)
        _code(
            book,
            "expired_code",
            "expired",
            "project",
            "procurement",
            w.PROJECT_CODES[special],
            min(late, w.day("2026-09-25")),
        )
    for number, on in enumerate(spread_days(count, 28)):
        _outside(book, number, on)


def _code(book: Casebook, reason: str, aspect: str, kind: str, system: str, code: str, seen: int) -> None:
    book.answer(
        "C18",
        reason,
        None,
        None,
        f"{kind}|{system}|{code}",
        aspect,
        None,
        seen,
        note=f"{kind} {code} of {system}",
    )


def _blocked(book: Casebook, number: int) -> None:
    """A blocked supplier on an order, a blocked cost center on a requisition, a blocked account in a journal."""
    supplier = f"S-0910{number + 1}"
    on = _TODAY - 18 + number * 24
    book.order(number, on, sup=w.EXTRA_SUPPLIER[supplier], fate=PENDING)
    _code(book, "blocked_code", "blocked", "supplier", "procurement", supplier, on)
    center = f"{w.ENTITIES[number].code}-990"
    book.requisition(number, on + 1, cc=w.COST_CENTER[center])
    _code(book, "blocked_code", "blocked", "cost_center", "procurement", center, on + 1)
    if number == 0:
        lines = [{"acct": w.ACCOUNT["1495"], "amt": 60}, {"acct": w.ACCOUNT["1000"], "amt": -60}]
        book.entry(number, on + 2, lines)
        _code(book, "blocked_code", "blocked", "account", "ledger", "1495", on + 2)


def _ambiguous(book: Casebook, number: int) -> None:
    """Codes for which two crosswalk rows hold."""
    account, supplier = f"MIX-{number + 1}00", f"S-0920{number + 1}"
    on = _TODAY - 40 + number * 47
    book.order(number + 1, on, acct=w.EXTRA_ACCOUNT[account], fate=PENDING)
    _code(book, "ambiguous_code", "ambiguous", "account", "procurement", account, on)
    book.requisition(number + 2, on + 1, sup=w.EXTRA_SUPPLIER[supplier])
    _code(book, "ambiguous_code", "ambiguous", "supplier", "procurement", supplier, on + 1)


def _outside(book: Casebook, number: int, on: int) -> None:
    """A date that lies in no fiscal period: a requisition of 1926, an order of 2062. In dollars, so that no rate is needed."""
    wrong = (_LONG_AGO, _FAR_AWAY)[number % 2] + number
    if number % 2:
        order = book.order(w.US, wrong, due=w.NEVER, fate=PENDING, seen_day=on)
        record = f"purchase_order_line|procurement|{order_no(order.ono)}|1"
    else:
        rqno = book.requisition(w.US, wrong, created_day=on)
        record = f"requisition_line|procurement|{requisition_no(rqno)}|1"
    book.answer(
        "C18", "date_outside_calendar", w.US, None, record, "calendar", None, on, period="UNMAPPED",
        note=f"dated {w.to_date(wrong).isoformat()}",
    )  # fmt: skip


def plant_rates(book: Casebook, count: int) -> None:
    """Plant C19: orders in a currency whose rates nobody maintains any longer."""
    cases = (
        (w.DE, "SEK", w.day("2026-05-04")), (w.GB, "NOK", w.day("2026-04-08")), (w.DE, "SEK", w.day("2026-06-03")),
        (w.GB, "NOK", w.day("2026-05-19")), (w.GB, "NOK", w.day("2026-06-08")), (w.DE, "SEK", w.day("2026-07-06")),
        (w.GB, "NOK", w.day("2026-07-14")), (w.DE, "SEK", w.day("2026-08-10")), (w.GB, "NOK", w.day("2026-08-18")),
        (w.DE, "SEK", w.day("2026-09-02")), (w.GB, "NOK", w.day("2026-09-22")),
    )  # fmt: skip
    for ent, code, on in cases[:count]:
        book.order(ent, on, cur=w.CURRENCIES.index(code), due=w.NEVER, fate=BASE)
        home = w.CURRENCIES[w.ENTITIES[ent].currency]
        key = f"spot|{code}|{home}|{w.period_id(ent, on)}"
        book.answer(
            "C19",
            "missing_rate",
            ent,
            on,
            key,
            "rate",
            None,
            on,
            note=f"an order in {code}, whose rates have stopped",
        )


def plant_budgets(book: Casebook, count: int) -> None:
    """Plant C25: spending above its budget, revenue above its plan, spending nobody planned."""
    for number, on in enumerate(spread_days(count, 30)):
        _spend(book, number % len(w.ENTITIES), on, number, w.NEVER)
    approved = VERSIONS[LATER].changes_on
    _spend(book, w.KW, w.day("2026-05-07"), 99, approved - 1)
    for number, on in enumerate(spread_days(count, 31)):
        ent = (number + 1) % len(w.ENTITIES)
        project = w.special_project(ent, 92)
        _post(book, ent, on, "6410", project, 2600)
        key = _cell_key(ent, on, "6400", project)
        book.answer(
            "C25",
            "actual_without_budget",
            ent,
            on,
            key,
            "budget",
            _units(-2600, ent),
            on,
            note="nobody planned it",
        )


def _spend(book: Casebook, ent: int, on: int, number: int, until: int) -> None:
    """5,000 spent of 4,000 planned; every third time it is revenue. A draft that would cover it does not count."""
    project = w.special_project(ent, 91)
    account, control, sign = ("4020", "4000", -1) if number % 3 == 1 else ("6410", "6400", 1)
    if until < w.NEVER:
        account, control = "6510", "6500"
    _post(book, ent, on, account, project, sign * 5000)
    year = (int(w.period_of(w.as_ints([ent]), w.as_ints([on]))[0])) // w.PERIODS_PER_YEAR
    book.budget(ORIGINAL + year, ent, on, control, project, 3500)
    book.budget(ADJUSTMENT + year, ent, on, control, project, 500)
    note = "revenue above plan" if sign < 0 else "5,000 spent of 4,000"
    if until < w.NEVER:
        book.budget(LATER, ent, on, control, project, 1000)
        note += ", until an adjustment is approved"
    elif year:
        book.budget(DRAFT, ent, on, control, project, 9000)
        note += "; a draft that would cover it does not count"
    key = _cell_key(ent, on, control, project)
    book.answer("C25", "over_budget", ent, on, key, "budget", _units(-1000, ent), on, until, note)


def _post(book: Casebook, ent: int, on: int, account: str, project: int, amount: int) -> None:
    center = int(w.cost_center(w.as_ints(ent), w.as_ints(1), w.as_ints(1)))
    coding = {"cc": center, "proj": project, "prog": int(w.program(w.as_ints(1), w.as_ints(0)))}
    book.entry(
        ent,
        on,
        [{"acct": w.ACCOUNT[account], "amt": amount, **coding}, {"acct": w.ACCOUNT["2300"], "amt": -amount}],
    )


def _cell_key(ent: int, on: int, control: str, project: int) -> str:
    head = w.COST_CENTER_CODES[int(w.cost_center(w.as_ints(ent), w.as_ints(1), w.as_ints(0))) - 1]
    location = w.ENTITIES[ent].locations[0]
    program = w.PROGRAM_CODES[int(w.program(w.as_ints(1), w.as_ints(0)))]
    return f"{head}|{control}|{w.PROJECT_CODES[project]}|{location}|{program}|NONE|NONE|NONE|NONE|{w.period_id(ent, on)}"
