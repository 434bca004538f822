"""Feeds that stand still or never delivered anything (C22): two replicas that stopped, two tables that nobody fills.

Belongs here: these small tables and their rows of the answer key. Does not: anything that feeds the books.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from finance_sync.sandbox import world as w
from finance_sync.sandbox.casebook import Casebook
from finance_sync.sandbox.text import dates, numbers, times

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
    """Row numbers and change days: one row changes every other day, until the replica stops."""
    changed = stop - 2 * np.arange(_ROWS, dtype=np.int64)
    seen = changed <= today
    return pl.Series(np.flatnonzero(seen).astype(np.int64)), pl.Series(changed[seen])


def contracts(today: int) -> pl.DataFrame:
    """Framework contracts."""
    number, day = _replica(CONTRACTS_STOP, today)
    return pl.DataFrame(
        {
            "contract": numbers(number + 1, "CT", 5), "supplier": numbers(number * 5 % w.SUPPLIERS + 1, "S-", 5),
            "valid_to": dates(day + 365), "changed_at": times(day, number), "_day": day,
        }
    )  # fmt: skip


def assets(today: int) -> pl.DataFrame:
    """Asset register."""
    number, day = _replica(ASSETS_STOP, today)
    return pl.DataFrame(
        {
            "asset": numbers(number + 1, "AS", 6), "company": [w.ENTITIES[n % len(w.ENTITIES)].code for n in number.to_list()],
            "capitalised_on": dates(day - 90), "changed_at": times(day, number), "_day": day,
        }
    )  # fmt: skip


def empty(columns: tuple[str, ...]) -> pl.DataFrame:
    """A table that nobody fills."""
    schema = dict.fromkeys((*columns, "changed_at"), pl.String) | {"_day": pl.Int64}
    return pl.DataFrame(schema=schema)
