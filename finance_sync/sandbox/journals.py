"""The ledger: how it posts receipts, invoices and payments, and what it posts of its own (payroll, billing, accruals).

Belongs here: journal lines, balanced in transaction and functional currency. Does not: budgets (budgets), period balances
as of a day (materialise).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from finance_sync.sandbox import world as w
from finance_sync.sandbox.text import conform

JOURNAL_TYPES: Final = ("GR", "AP", "PY", "PR", "RV", "RB", "MN", "CL")
GR, AP, PY, PR, RV, RB, MN, CL = range(8)
LEDGER_TYPES: Final = ("WE", "RE", "KZ", "PR", "DR", "DZ", "SA", "AB")
"""The ledger's own document types, by journal type."""
REFERENCES: Final = ("RC", "IV", "IV", "", "BL", "BL", "", "")
"""Prefix of the document number that a journal refers to, by journal type."""
CLOSING_PERIOD: Final = w.PERIODS
"""Period number of 2025-P13, the special closing period of the calendar-month entities."""

JOURNAL_LINE: Final = {
    "jtype": pl.Int64, "jid": pl.Int64, "line": pl.Int64, "ent": pl.Int64, "day": pl.Int64, "seen": pl.Int64,
    "document_day": pl.Int64, "period": pl.Int64, "ref": pl.Int64, "ref_line": pl.Int64, "ono": pl.Int64,
    "oline": pl.Int64, "acct": pl.Int64, "cc": pl.Int64, "proj": pl.Int64, "prog": pl.Int64, "sup": pl.Int64,
    "cur": pl.Int64, "amt": pl.Int64, "famt": pl.Int64,
}  # fmt: skip
"""Journal lines, debit positive, minor units of transaction (amt) and functional (famt) currency. seen: day on which the
journal appears; -1 is "not given" in ref, ref_line, ono, oline, cc, proj, prog and sup."""

_BANK, _RECEIVABLES, _INPUT_TAX, _PAYABLES, _GRNI = (
    w.ACCOUNT[c] for c in ("1000", "1100", "1300", "2000", "2100")
)
_PAYROLL, _ACCRUALS, _EXCHANGE, _PREPAID = (w.ACCOUNT[c] for c in ("2200", "2300", "7900", "1400"))
_TAX_LINE, _PAYABLES_LINE, _EXCHANGE_LINE = 90, 99, 100
"""Numbers of an invoice journal's lines; an exchange difference has its invoice line's number, so much higher."""


def finish(frame: pl.DataFrame) -> pl.DataFrame:
    """Fill what is not given with -1, find the period, and bring the columns into order."""
    missing = {name: pl.lit(-1) for name in JOURNAL_LINE if name not in frame.columns}
    if "period" in missing:
        missing["period"] = pl.lit(pl.Series(w.period_of(frame["ent"].to_numpy(), frame["day"].to_numpy())))
    if "document_day" in missing:
        missing["document_day"] = pl.col("day")
    return conform(frame.with_columns(**missing), JOURNAL_LINE)


def functional(frame: pl.DataFrame, rate_day: str = "day") -> pl.DataFrame:
    """Add famt: amt in the entity's currency at the spot rate of the posting date, or of another day."""
    ent = frame["ent"].to_numpy()
    amounts = w.convert(
        frame["amt"].to_numpy(), frame["cur"].to_numpy(), w.FUNCTIONAL[ent], frame[rate_day].to_numpy()
    )
    return frame.with_columns(famt=pl.Series(amounts))


def post_receipts(receipts: pl.DataFrame) -> pl.DataFrame:
    """Accruals: expense against GRNI, where the entity's relief point is the receipt; a cancelled receipt is reversed.

    They are kept at the order's rate, so that the invoice clears what the receipt put there.
    """
    ent, ltype = receipts["ent"].to_numpy(), receipts["ltype"].to_numpy()
    accrues = receipts.filter(pl.Series(w.RELIEF[ent, ltype] == w.RELIEF_RECEIPT) & (pl.col("value") != 0))
    base = accrues.with_columns(jid=pl.col("rno") * 2, seen="day", amt="value")
    reversal = accrues.filter(pl.col("cancelled_day") < w.NEVER).with_columns(
        jid=pl.col("rno") * 2 + 1, day="cancelled_day", seen="cancelled_day", amt=-pl.col("value")
    )
    both = functional(pl.concat([base, reversal], how="vertical_relaxed"), "order_day")
    both = both.with_columns(
        jtype=pl.lit(GR), ref="rno", ref_line="line",
        acct=pl.Series(w.ledger_account(both["acct"].to_numpy(), both["day"].to_numpy())),
    )  # fmt: skip
    expense = both.with_columns(line=pl.col("line") * 10)
    accrual = both.with_columns(
        line=pl.col("line") * 10 + 1, acct=pl.lit(_GRNI), amt=-pl.col("amt"), famt=-pl.col("famt"),
        cc=pl.lit(-1), proj=pl.lit(-1), prog=pl.lit(-1),
    )  # fmt: skip
    return pl.concat([finish(expense), finish(accrual)])


def post_invoices(invoices: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Postings of invoices and their payments. A reversal takes back what was posted, at the same rate.

    Returns:
        Invoice journals and payment journals.
    """
    posted = invoices.filter(pl.col("post_seen") < w.NEVER)
    base = posted.with_columns(jid=pl.col("ino") * 4, seen="post_seen", sign=pl.lit(1), day="post_day")
    again = posted.filter(pl.col("again_seen") < w.NEVER).with_columns(
        jid=pl.col("ino") * 4 + 1, seen="again_seen", sign=pl.lit(1), day="post_day", paid_day=pl.lit(w.NEVER)
    )
    reversal = posted.filter(pl.col("reversed_day") < w.NEVER).with_columns(
        jid=pl.col("ino") * 4 + 2,
        seen="reversed_day",
        sign=pl.lit(-1),
        day="reversed_day",
        paid_day=pl.lit(w.NEVER),
    )
    every = pl.concat([base, again, reversal], how="vertical_relaxed").with_columns(
        jtype=pl.lit(AP), ref="ino", cur="post_cur", rate_day="post_day",
        total=pl.col("sign") * (pl.col("net") + pl.col("tax") + pl.col("post_delta")),
        accrued=pl.col("sign") * pl.col("accrued"), vat=pl.col("sign") * pl.col("vat"),
    )  # fmt: skip
    coding = w.ledger_account(every["post_acct"].to_numpy(), every["day"].to_numpy())
    every = every.with_columns(post_acct=pl.Series(coding))
    cleared = every.filter(pl.col("accrued") != 0).with_columns(
        line=pl.col("line") * 10, ref_line="line", acct=pl.lit(_GRNI), amt="accrued",
        cc=pl.lit(-1), proj=pl.lit(-1), prog=pl.lit(-1),
    )  # fmt: skip
    expensed = every.filter((pl.col("accrued") == 0) | (pl.col("total") != pl.col("accrued"))).with_columns(
        line=pl.col("line") * 10 + 1, ref_line="line", acct="post_acct", cc="post_cc",
        amt=pl.col("total") - pl.col("accrued"),
    )  # fmt: skip
    vat = every.filter(pl.col("vat") != 0).group_by("jid", maintain_order=True).agg(
        pl.col("vat").sum().alias("amt"), *(pl.col(c).first() for c in _HEADER)
    ).with_columns(line=pl.lit(_TAX_LINE), acct=pl.lit(_INPUT_TAX))  # fmt: skip
    at_order = functional(cleared, "order_day")
    # What the rate has moved since the order is an exchange difference; the payable is at the rate of the invoice.
    moved = functional(cleared, "rate_day").with_columns(
        famt=pl.col("famt") - at_order["famt"], amt=pl.lit(0), line=pl.col("line") + _EXCHANGE_LINE, ref_line=pl.lit(-1),
        acct=pl.lit(_EXCHANGE),
    ).filter(pl.col("famt") != 0)  # fmt: skip
    debit = pl.concat(
        [
            finish(part)
            for part in (at_order, moved, *(functional(part, "rate_day") for part in (expensed, vat)))
        ]
    )
    owed = debit.group_by("jid", maintain_order=True).agg(-pl.col("amt").sum(), -pl.col("famt").sum())
    header = every.group_by("jid", maintain_order=True).agg(pl.col(c).first() for c in (*_HEADER, "paid_day"))
    owed = owed.join(header, on="jid", how="left", maintain_order="left").with_columns(
        line=pl.lit(_PAYABLES_LINE), acct=pl.lit(_PAYABLES)
    )
    return pl.concat([debit, finish(owed)]), _pay(owed)


_HEADER: Final = ("jtype", "ent", "day", "seen", "document_day", "ref", "sup", "cur", "rate_day")


def _pay(owed: pl.DataFrame) -> pl.DataFrame:
    """Payments: payables against bank, the difference of the rates on exchange differences."""
    paid = owed.filter(pl.col("paid_day") <= w.LAST_DAY).with_columns(
        jtype=pl.lit(PY), jid="ref", day="paid_day", seen="paid_day", document_day="paid_day",
        amt=-pl.col("amt"), famt=-pl.col("famt"),
    )  # fmt: skip
    settled = paid.with_columns(line=pl.lit(1))
    bank = functional(paid.with_columns(line=pl.lit(2), acct=pl.lit(_BANK), amt=-pl.col("amt")))
    exchange = paid.with_columns(
        line=pl.lit(3), acct=pl.lit(_EXCHANGE), amt=pl.lit(0), famt=-pl.col("famt") - bank["famt"]
    )
    return pl.concat([finish(settled), finish(bank), finish(exchange.filter(pl.col("famt") != 0))])


def draw_own_journals(
    rng: np.random.Generator, scale: float, first_number: int, programs: int
) -> pl.DataFrame:
    """Payroll, billing with its receipts, month-end accruals with their reversal, and closing entries.

    Args:
        rng: seeded generator.
        scale: size of the company.
        first_number: number of the first journal of each type.
        programs: programs per department.
    """
    frames = [
        _payroll(rng, max(1, round(scale)), first_number, programs),
        _billing(rng, max(10, round(1700 * scale)), first_number, programs),
        _accruals(rng, max(10, round(260 * scale)), first_number, programs),
    ]
    if first_number == 1:
        frames.append(_closing())
    return pl.concat(frames)


def _random_coding(rng: np.random.Generator, ent: w.Ints, programs: int) -> dict[str, pl.Series]:
    size = len(ent)
    department = rng.integers(0, len(w.DEPARTMENTS), size=size)
    project = w.project(ent, department, rng.integers(0, 2, size=size))
    return {
        "cc": pl.Series(w.cost_center(ent, department, rng.integers(0, w.CHILDREN, size=size))),
        "proj": pl.Series(np.where(w.chance(rng, size, 0.4), project, -1)),
        "prog": pl.Series(w.program(department, rng.integers(0, programs, size=size))),
    }


def _minor(rng: np.random.Generator, cur: w.Ints, low: int, high: int) -> w.Ints:
    """Amounts in minor units; low and high in US dollars."""
    return rng.integers(low * 100, high * 100, size=len(cur)) * w.LEVEL[cur] // 10 ** (4 - w.MINOR[cur])


def _payroll(rng: np.random.Generator, groups: int, first: int, programs: int) -> pl.DataFrame:
    """One journal per entity, month and pay group: salaries and social charges of every posting cost center."""
    starts = w.period_starts(1)[:-1]
    entities, centers = len(w.ENTITIES), len(w.DEPARTMENTS) * w.CHILDREN
    journals = entities * len(starts) * groups
    number = np.arange(journals)
    ent, pay_day = number % entities, starts[number // entities % len(starts)] + 24
    of = np.repeat(number, centers)
    center = np.tile(np.arange(centers), journals)
    department = center // w.CHILDREN
    salary = _minor(rng, w.FUNCTIONAL[ent[of]], 4_000, 30_000)
    common: dict[str, pl.Expr | pl.Series] = {
        "jtype": pl.lit(PR), "jid": pl.Series(first + of), "ent": pl.Series(ent[of]), "day": pl.Series(pay_day[of]),
        "seen": pl.Series(pay_day[of]), "cur": pl.Series(w.FUNCTIONAL[ent[of]]),
    }  # fmt: skip
    coding: dict[str, pl.Expr | pl.Series] = {
        "cc": pl.Series(w.cost_center(ent[of], department, center % w.CHILDREN)),
        "prog": pl.Series(w.program(department, rng.integers(0, programs, size=len(of)))),
    }
    lines = pl.DataFrame({"salary": salary, "line": center * 2 + 1})
    salaries = lines.with_columns(
        **common, **coding, acct=pl.lit(w.ACCOUNT["6010"]), amt="salary", famt="salary"
    )
    social = lines.with_columns(
        **common,
        **coding,
        acct=pl.lit(w.ACCOUNT["6020"]),
        amt=pl.col("salary") // 5,
        famt=pl.col("salary") // 5,
    ).with_columns(line=pl.col("line") + 1)
    owed = pl.concat([salaries, social], how="vertical_relaxed").group_by("jid", maintain_order=True).agg(
        -pl.col("amt").sum(), -pl.col("famt").sum(), *(pl.col(c).first() for c in ("jtype", "ent", "day", "seen", "cur"))
    ).with_columns(line=pl.lit(99), acct=pl.lit(_PAYROLL))  # fmt: skip
    paid = pl.concat([
        owed.with_columns(jid=pl.col("jid") + 500_000_000, line=pl.lit(1), amt=-pl.col("amt"), famt=-pl.col("famt")),
        owed.with_columns(jid=pl.col("jid") + 500_000_000, line=pl.lit(2), acct=pl.lit(_BANK)),
    ]).with_columns(day=pl.col("day") + 2, seen=pl.col("seen") + 2).filter(pl.col("day") <= w.LAST_DAY)  # fmt: skip
    frames = pl.concat([finish(part) for part in (salaries, social, owed, paid)])
    return frames.filter(pl.col("day") <= w.LAST_DAY)


def _billing(rng: np.random.Generator, count: int, first: int, programs: int) -> pl.DataFrame:
    """Customer billing: receivables against revenue; the money comes 20 to 60 days later."""
    ent = rng.choice(len(w.ENTITIES), size=count, p=[e.weight for e in w.ENTITIES]).astype(np.int64)
    on = np.sort(rng.integers(w.FIRST_DAY + 5, w.LAST_DAY, size=count))
    cur = w.FUNCTIONAL[ent]
    bill = pl.DataFrame({
        "jtype": RV, "jid": first + np.arange(count), "ref": first + np.arange(count), "ent": ent, "day": on, "seen": on,
        "cur": cur, "amt": _minor(rng, cur, 2_000, 90_000), "line": 1, "acct": _RECEIVABLES,
    }).with_columns(famt="amt")  # fmt: skip
    accounts = np.array([w.ACCOUNT[c] for c in ("4010", "4020", "4030")], dtype=np.int64)
    revenue = bill.with_columns(
        line=pl.lit(2), acct=pl.Series(accounts[rng.integers(0, 3, size=count)]), amt=-pl.col("amt"), famt=-pl.col("famt"),
        **_random_coding(rng, ent, programs),
    )  # fmt: skip
    paid = bill.with_columns(jtype=pl.lit(RB), day=pl.Series(on + rng.integers(20, 61, size=count)))
    paid = paid.with_columns(seen="day").filter(pl.col("day") <= w.LAST_DAY)
    bank = paid.with_columns(acct=pl.lit(_BANK))
    cleared = paid.with_columns(line=pl.lit(2), amt=-pl.col("amt"), famt=-pl.col("famt"))
    return pl.concat([finish(part) for part in (bill, revenue, bank, cleared)])


def _accruals(rng: np.random.Generator, count: int, first: int, programs: int) -> pl.DataFrame:
    """Accruals on the last day of a period, reversed on the first of the next."""
    ent = rng.choice(len(w.ENTITIES), size=count, p=[e.weight for e in w.ENTITIES]).astype(np.int64)
    number = rng.integers(1, w.PERIODS, size=count)
    starts = np.stack([w.period_starts(c) for c in range(len(w.CALENDARS))])
    begin = starts[w.CALENDAR_OF[ent], number]
    cur = w.FUNCTIONAL[ent]
    expense = pl.DataFrame({
        "jtype": MN, "jid": first + 2 * np.arange(count), "ent": ent, "day": begin - 1, "seen": begin - 1, "cur": cur,
        "amt": _minor(rng, cur, 300, 9_000), "line": 1,
        "acct": w.AMOUNT_ACCOUNTS[rng.integers(0, len(w.AMOUNT_ACCOUNTS), size=count)],
    }).with_columns(famt="amt", **_random_coding(rng, ent, programs))  # fmt: skip
    accrued = expense.drop("cc", "proj", "prog").with_columns(
        line=pl.lit(2), acct=pl.lit(_ACCRUALS), amt=-pl.col("amt"), famt=-pl.col("famt")
    )
    both = pl.concat([finish(expense), finish(accrued)])
    undone = both.with_columns(
        jid=pl.col("jid") + 1, day=pl.col("day") + 1, seen=pl.col("seen") + 1, document_day=pl.col("day") + 1,
        period=pl.col("period") + 1, amt=-pl.col("amt"), famt=-pl.col("famt"),
    )  # fmt: skip
    return pl.concat([both, undone.filter(pl.col("day") <= w.LAST_DAY)])


def _closing() -> pl.DataFrame:
    """Reclassification in the special closing period 2025-P13, booked in January 2026 and dated 31 December."""
    ent = np.array([n for n, e in enumerate(w.ENTITIES) if e.calendar == "MONTH"], dtype=np.int64)
    cur = w.FUNCTIONAL[ent]
    debit = pl.DataFrame({
        "jtype": CL, "jid": 1 + np.arange(len(ent)), "ent": ent, "day": w.day("2025-12-31"), "seen": w.day("2026-01-20"),
        "cur": cur, "amt": (np.arange(len(ent)) + 3) * 12_345 * 10 ** w.MINOR[cur], "line": 1, "acct": _PREPAID,
    }).with_columns(famt="amt", period=pl.lit(CLOSING_PERIOD))  # fmt: skip
    credit = debit.with_columns(
        line=pl.lit(2), acct=pl.lit(_ACCRUALS), amt=-pl.col("amt"), famt=-pl.col("famt")
    )
    return pl.concat([finish(debit), finish(credit)])
