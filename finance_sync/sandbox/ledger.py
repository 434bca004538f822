"""The ledger's tables on a day: master data, journal lines and period balances as its database shows them then.

Belongs here: postings to rows of the source: unsigned amounts beside a debit or credit code, its own document types and
periods. Does not: posting (journals), writing (store).

Every table carries ``_day``, the day of the row's last change, which the writers use and do not store.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl

from finance_sync.sandbox import suppliers as master
from finance_sync.sandbox import world as w
from finance_sync.sandbox.journals import CLOSING_PERIOD, JOURNAL_TYPES, LEDGER_TYPES, REFERENCES
from finance_sync.sandbox.plants_books import WITHOUT_BALANCE
from finance_sync.sandbox.procurement import Spoils, renamed_days
from finance_sync.sandbox.text import amounts, codes, dates, last_day, numbers, spoiled, times

_COMPANIES: Final = tuple(entity.code for entity in w.ENTITIES)
_TYPES: Final = {"asset": "A", "liability": "L", "equity": "Q", "revenue": "R", "expense": "X"}
_OLD: Final = w.day("2024-06-03")


def period_columns(ent: w.Ints, period: w.Ints) -> dict[str, pl.Series]:
    """Fiscal year, period and the period's last day; the closing period is number 13 of 2025."""
    closing = period == CLOSING_PERIOD
    plain = np.where(closing, w.PERIODS_PER_YEAR - 1, period)
    ends = np.stack([w.period_starts(c)[1:] - 1 for c in range(len(w.CALENDARS))])
    return {
        "fiscal_year": pl.Series(w.FIRST_YEAR + plain // w.PERIODS_PER_YEAR),
        "period": pl.Series(np.where(closing, w.PERIODS_PER_YEAR + 1, plain % w.PERIODS_PER_YEAR + 1)),
        "period_end": dates(pl.Series(ends[w.CALENDAR_OF[ent], plain])),
    }


def journal_lines(lines: pl.DataFrame, today: int, spoils: Spoils) -> pl.DataFrame:
    """Journal lines that have appeared; they never change."""
    now = lines.filter(pl.col("seen") <= today)
    ent = now["ent"].to_numpy()
    amount, local = now["amt"].to_numpy(), now["famt"].to_numpy()
    credit = np.where(local != 0, local, amount) < 0
    jtype = now["jtype"]
    home = pl.Series(w.FUNCTIONAL[ent])
    table = pl.DataFrame(
        {
            "journal": _prefixed(jtype, JOURNAL_TYPES, now["jid"], 11), "line": now["line"],
            "company": codes(now["ent"], _COMPANIES), "posting_date": dates(now["day"]),
            "document_date": dates(now["document_day"]),
            **{k: v for k, v in period_columns(ent, now["period"].to_numpy()).items() if k != "period_end"},
            "document_type": codes(jtype, LEDGER_TYPES), "reference": _prefixed(jtype, REFERENCES, now["ref"], 10),
            "reference_line": _given(now["ref_line"]), "po_number": numbers(now["ono"], "PO", 8), "po_line": _given(now["oline"]),
            "account": codes(now["acct"], w.LEDGER_ACCOUNT_CODES), "cost_center": codes(now["cc"], w.COST_CENTER_CODES),
            "project": codes(now["proj"], w.PROJECT_CODES), "location": _location(now["cc"]),
            "program": codes(now["prog"], w.PROGRAM_CODES), "supplier": codes(now["sup"], w.LEDGER_SUPPLIER_CODES),
            "debit_credit": codes(pl.Series(credit.astype(np.int64)), ("D", "C")), "currency": codes(now["cur"], w.CURRENCIES),
            "amount": amounts(pl.Series(np.abs(amount)), now["cur"]), "local_currency": codes(home, w.CURRENCIES),
            "local_amount": amounts(pl.Series(np.abs(local)), home),
            "changed_at": times(now["seen"], now["jid"]), "_day": now["seen"],
        }
    )  # fmt: skip
    return spoiled(table, ("journal", "line"), spoils.get("journal_lines", {}))


def _prefixed(kind: pl.Series, prefixes: tuple[str, ...], number: pl.Series, digits: int) -> pl.Series:
    return codes(kind, prefixes).fill_null("") + numbers(number, "", digits)


def _given(values: pl.Series) -> pl.Series:
    return pl.DataFrame({"v": values}).select(pl.when(pl.col("v") >= 0).then(pl.col("v"))).to_series()


def _location(centers: pl.Series) -> pl.Series:
    center = centers.to_numpy()
    regular = (center >= 0) & (center < len(w.COST_CENTERS))
    return codes(pl.Series(np.where(regular, w.location_of(np.maximum(center, 0)), -1)), w.LOCATION_CODES)


BALANCE: Final = ("ent", "period", "acct", "cc")


def balance_sums(lines: pl.DataFrame, today: int) -> pl.DataFrame:
    """Debits and credits per entity, period, account and cost center of the lines that have appeared."""
    amount = pl.col("famt")
    return (
        lines.filter((pl.col("seen") <= today) & (pl.col("acct") != w.ACCOUNT[WITHOUT_BALANCE]))
        .group_by(BALANCE)
        .agg(
            debit=pl.when(amount > 0).then(amount).otherwise(0).sum(),
            credit=pl.when(amount < 0).then(-amount).otherwise(0).sum(),
            seen=pl.col("seen").max(),
        )
    )  # fmt: skip


def period_balances(sums: pl.DataFrame, changes: list[dict[str, Any]], today: int) -> pl.DataFrame:
    """The ledger's own totals per period, account and cost center, in functional currency.

    Args:
        sums: from ``balance_sums``, one or several.
        changes: planted rows (BALANCE, famt, seen) that no journal line stands behind.
        today: the day.
    """
    if changes:
        planted = pl.DataFrame(changes).filter(pl.col("seen") <= today)
        columns = [*BALANCE, "debit", "credit", "seen"]
        planted = planted.with_columns(debit="famt", credit=pl.lit(0, dtype=pl.Int64))
        sums = pl.concat([sums.select(columns), planted.select(columns)])
    total = sums.group_by(BALANCE).agg(pl.col("debit", "credit").sum(), pl.col("seen").max()).sort(BALANCE)
    ent, period = total["ent"].to_numpy(), total["period"].to_numpy()
    home = pl.Series(w.FUNCTIONAL[ent])
    columns_of = period_columns(ent, period)
    table = pl.DataFrame(
        {
            "company": codes(total["ent"], _COMPANIES), **columns_of, "account": codes(total["acct"], w.LEDGER_ACCOUNT_CODES),
            "cost_center": codes(total["cc"], w.COST_CENTER_CODES), "local_currency": codes(home, w.CURRENCIES),
            "debit": amounts(total["debit"], home), "credit": amounts(total["credit"], home),
            "changed_at": times(total["seen"], total["acct"] * 1000 + total["cc"] + 1), "_day": total["seen"],
        }
    )  # fmt: skip
    key = pl.concat_str(
        "company", pl.col("fiscal_year").cast(pl.String), pl.col("period").cast(pl.String), "account",
        pl.col("cost_center").fill_null(""), separator="-",
    )  # fmt: skip
    return table.select(key.alias("balance_id"), *[pl.col(name) for name in table.columns])


def accounts() -> pl.DataFrame:
    """The chart of accounts."""
    rows = [
        {
            "account": code, "name": name, "type": _TYPES[kind], "parent": parent or None,
            "budget_control": "Y" if controlled else "N", "blocked": "Y" if code == "1495" else "N",
        }
        for code, name, kind, parent, controlled, _ in w.ACCOUNTS
    ]  # fmt: skip
    return pl.DataFrame(rows).with_columns(_day=pl.lit(_OLD))


def cost_centers(today: int) -> pl.DataFrame:
    """Cost centers; a department of each entity is renamed in the course of time."""
    rows = [
        {
            "cost_center": code, "name": name + (" (field)" if renamed <= today else ""), "company": w.ENTITIES[entity].code,
            "parent": parent or None, "blocked": "Y" if blocked else "N", "_day": renamed if renamed <= today else _OLD,
        }
        for code, name, entity, parent, blocked in w.COST_CENTERS
        for renamed in [w.day("2026-05-16") + 11 * entity if name.endswith("3") and "Sales" in name else w.NEVER]
    ]  # fmt: skip
    return pl.DataFrame(rows)


def projects() -> pl.DataFrame:
    """Projects with their dates of validity."""
    rows = [
        {
            "project": code,
            "name": name,
            "company": w.ENTITIES[entity].code,
            "valid_from": start,
            "valid_to": end,
        }
        for code, name, entity, start, end in w.PROJECTS
    ]
    schema = dict.fromkeys(("project", "name", "company", "valid_from", "valid_to"), pl.String)
    return pl.DataFrame(rows, schema=schema).with_columns(_day=pl.lit(_OLD))


def suppliers(today: int, *, planted: bool = True) -> pl.DataFrame:
    """Supplier accounts under the ledger's codes; new ones and new names a day after procurement."""
    number = master.present(np.flatnonzero([bool(code) for code in w.LEDGER_SUPPLIER_CODES]), planted=planted)
    frame = pl.DataFrame(
        {
            "n": number,
            "created": w.supplier_created(number),
            "renamed": np.minimum(renamed_days(number) + 1, w.NEVER),
            "account": master.account_days(number, master.LEDGER, planted=planted),
        }
    ).filter(pl.col("created") <= today)
    day = last_day(frame, ("created", "renamed", "account"), today)
    is_renamed = (frame["renamed"] <= today).to_list()
    blocked = {w.SUPPLIERS + position for position, row in enumerate(w.EXTRA_SUPPLIERS) if row[3]}
    numbers_ = frame["n"].to_list()
    return pl.DataFrame(
        {
            "vendor": codes(frame["n"], w.LEDGER_SUPPLIER_CODES),
            "name": [w.SUPPLIER_NAMES[n] + (" Group" if new else "") for n, new in zip(numbers_, is_renamed, strict=True)],
            "tax_id": master.tax_ids(frame["n"], master.LEDGER, planted=planted),
            "bank_account": master.bank_accounts(frame["n"], frame["account"], today, master.LEDGER, planted=planted),
            **master.places(frame["n"], master.LEDGER, planted=planted),
            "blocked": ["Y" if n in blocked else "N" for n in numbers_],
            "changed_at": times(day, frame["n"]), "_day": day,
        }
    )  # fmt: skip
