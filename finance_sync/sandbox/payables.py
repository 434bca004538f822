"""The payables sub-ledger on a day: one item per invoice journal, cleared by its payment or reversal.

Belongs here: the ledger's table supplier_items. Does not: posting (journals), the other tables of the ledger (ledger).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl

from finance_sync.sandbox import world as w
from finance_sync.sandbox.journals import AP, JOURNAL_TYPES, PY
from finance_sync.sandbox.text import amounts, codes, dates, times

_PAYABLES: Final = w.ACCOUNT["2000"]
_VERSIONS: Final = 4
"""Numbers of invoice journals are the invoice's times four; 2 more is its reversal."""
_REVERSAL: Final = 2


def supplier_items(lines: pl.DataFrame, today: int) -> pl.DataFrame:
    """Items of the invoice journals that have appeared; amounts unsigned beside a debit or credit code, as in the journal."""
    now = lines.filter((pl.col("acct") == _PAYABLES) & (pl.col("seen") <= today))
    items = now.filter(pl.col("jtype") == AP)
    paid = now.filter(pl.col("jtype") == PY).select(jid=pl.col("jid") * _VERSIONS, paid="day", payment="jid")
    undone = items.filter(pl.col("jid") % _VERSIONS == _REVERSAL).select(
        jid=pl.col("jid") - _REVERSAL, undone="day"
    )
    items = items.join(paid, on="jid", how="left", maintain_order="left").join(
        undone, on="jid", how="left", maintain_order="left"
    )
    is_reversal = pl.col("jid") % _VERSIONS == _REVERSAL
    items = items.with_columns(
        cleared=pl.coalesce("paid", "undone", pl.when(is_reversal).then("day"), pl.lit(w.NEVER)),
    )
    return _table(items, pl.lit(JOURNAL_TYPES[AP]) + pl.col("jid").cast(pl.String).str.zfill(11))


def planted_items(rows: list[dict[str, Any]], today: int) -> pl.DataFrame:
    """Planted items that no journal stands behind, in the columns of ``supplier_items``."""
    schema = dict.fromkeys(("number", "ent", "day", "sup", "famt"), pl.Int64)
    frame = pl.DataFrame(rows, schema=schema).filter(pl.col("day") <= today)
    frame = frame.with_columns(
        jid="number", seen="day", cleared=pl.lit(w.NEVER), amt="famt", cur=pl.Series(w.FUNCTIONAL[frame["ent"].to_numpy()])
    )  # fmt: skip
    return _table(frame, pl.lit("XX") + pl.col("number").cast(pl.String).str.zfill(11))


def _table(items: pl.DataFrame, name: pl.Expr) -> pl.DataFrame:
    home = pl.Series(w.FUNCTIONAL[items["ent"].to_numpy()], dtype=pl.Int64)
    credit = np.where(items["famt"].to_numpy() != 0, items["famt"].to_numpy(), items["amt"].to_numpy()) < 0
    cleared = pl.when(pl.col("cleared") < w.NEVER).then("cleared")
    day = items.select(pl.max_horizontal("seen", cleared)).to_series()
    return pl.DataFrame(
        {
            "item": items.select(name.alias("item")).to_series(),
            "company": codes(items["ent"], tuple(entity.code for entity in w.ENTITIES)),
            "vendor": codes(items["sup"], w.LEDGER_SUPPLIER_CODES), "posting_date": dates(items["day"]),
            "cleared_on": dates(items["cleared"]), "debit_credit": codes(pl.Series(credit.astype(np.int64)), ("D", "C")),
            "currency": codes(items["cur"], w.CURRENCIES), "amount": amounts(items["amt"].abs(), items["cur"]),
            "local_currency": codes(home, w.CURRENCIES), "local_amount": amounts(items["famt"].abs(), home),
            "changed_at": times(day, items["jid"]), "_day": day,
        }
    )  # fmt: skip
