"""Feeds beside the books: two replicas and two tables of movements. Planted, they stand still or were never filled (C22).

Belongs here: these small tables and their rows of the answer key. Does not: anything that feeds the books.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from finance_sync.sandbox import world as w
from finance_sync.sandbox.casebook import Casebook
from finance_sync.sandbox.text import codes, dates, numbers, times

CONTRACTS_STOP: Final = w.day("2026-05-04")
ASSETS_STOP: Final = w.day("2026-05-15")
LATENCY_DAYS: Final = 3
"""Latency target of both feeds, as their contracts say."""
_ROWS: Final = 40


def plant_stale(book: Casebook) -> None:
    """C22: late and never landed."""
    for key, stop in (("procurement|contracts", CONTRACTS_STOP), ("ledger|asset_register", ASSETS_STOP)):
        book.answer(
            "C22", "late", None, None, key, "freshness", None, stop + LATENCY_DAYS,
            note=f"the replica stopped on {w.to_date(stop).isoformat()}",
        )  # fmt: skip
    for key in ("procurement|contract_releases", "ledger|asset_transfers"):
        book.answer(
            "C22",
            "never_landed",
            None,
            None,
            key,
            "freshness",
            None,
            w.FIRST_DAY,
            note="nobody fills the table",
        )


def _replica(stop: int, today: int) -> tuple[pl.Series, pl.Series]:
    """Row numbers and change days: each day one row changes, until the replica stops."""
    number = np.arange(_ROWS, dtype=np.int64)
    last = min(stop, today)
    return pl.Series(number), pl.Series(last - (last - number) % _ROWS)


def contracts(today: int, stop: int) -> pl.DataFrame:
    """Framework contracts, as replicated until a day."""
    number, day = _replica(stop, today)
    return pl.DataFrame(
        {
            "contract": numbers(number + 1, "CT", 5), "supplier": numbers(number * 5 % w.SUPPLIERS + 1, "S-", 5),
            "valid_to": dates(day + 365), "changed_at": times(day, number), "_day": day,
        }
    )  # fmt: skip


def assets(today: int, stop: int) -> pl.DataFrame:
    """Asset register, as replicated until a day."""
    number, day = _replica(stop, today)
    return pl.DataFrame(
        {
            "asset": numbers(number + 1, "AS", 6), "company": [w.ENTITIES[n % len(w.ENTITIES)].code for n in number.to_list()],
            "capitalised_on": dates(day - 90), "changed_at": times(day, number), "_day": day,
        }
    )  # fmt: skip


def movements(today: int, columns: tuple[str, str, str], *, filled: bool) -> pl.DataFrame:
    """Call-offs or transfers, one row per day; or a table that nobody fills.

    Args:
        today: the day.
        columns: document, number or day of the movement, and what it says.
        filled: False leaves the table empty.
    """
    day = (
        pl.Series(np.arange(w.FIRST_DAY, today + 1, dtype=np.int64))
        if filled
        else pl.Series([], dtype=pl.Int64)
    )
    document, number, text = columns
    says = {
        "released_on": dates(day),
        "to_company": codes(day % len(w.ENTITIES), tuple(e.code for e in w.ENTITIES)),
    }
    return pl.DataFrame(
        {
            document: numbers(day % _ROWS + 1, "M", 6), number: dates(day), text: says[text],
            "changed_at": times(day, day), "_day": day,
        },
        schema_overrides=dict.fromkeys((*columns, "changed_at"), pl.String),
    )  # fmt: skip
