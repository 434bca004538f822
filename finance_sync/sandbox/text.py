"""Columns as the demo's source systems write them: codes, decimal texts, dates, times.

Belongs here: vectorised formatting and nothing else. Does not: which columns a table has (procurement, ledger, planning).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import polars as pl

from finance_sync.sandbox import world as w

_MORNING: Final = 6 * 3600
_WORKDAY: Final = 52_000
_SPREAD: Final = 2_654_435_761
SECONDS: Final = 86_400


def conform(frame: pl.DataFrame, schema: Mapping[str, pl.DataType | type[pl.DataType]]) -> pl.DataFrame:
    """The frame with a schema's columns, in its order and types."""
    return frame.select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def codes(indexes: pl.Series, names: Sequence[str]) -> pl.Series:
    """Codes by index; -1 and empty codes become NULL."""
    table = pl.Series([name or None for name in names] + [None], dtype=pl.String)
    return table.gather(pl.Series(np.where(indexes.to_numpy() < 0, len(names), indexes.to_numpy())))


def numbers(values: pl.Series, prefix: str, digits: int) -> pl.Series:
    """Document numbers: a prefix and zero-padded digits; negative values become NULL."""
    text = pl.lit(prefix) + pl.col("v").cast(pl.String).str.zfill(digits)
    return pl.DataFrame({"v": values}).select(pl.when(pl.col("v") >= 0).then(text)).to_series()


def decimal_text(values: pl.Series, digits: pl.Series | int) -> pl.Series:
    """Exact decimal text of integers.

    Args:
        values: integers, NULL stays NULL.
        digits: how many of their last digits are decimals, one number or one per row.
    """
    frame = pl.DataFrame({"v": values}).with_columns(
        d=digits if isinstance(digits, pl.Series) else pl.lit(digits)
    )
    sign = pl.when(pl.col("v") < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    size = pl.col("v").abs()
    result = pl.when(pl.col("d") == 0).then(pl.col("v").cast(pl.String))
    for places in (2, 3, 4, 1):
        unit = 10**places
        text = (
            sign
            + (size // unit).cast(pl.String)
            + pl.lit(".")
            + (size % unit).cast(pl.String).str.zfill(places)
        )
        result = result.when(pl.col("d") == places).then(text)  # type: ignore[assignment]
    return frame.select(result).to_series()


def amounts(minor: pl.Series, currencies: pl.Series) -> pl.Series:
    """Amounts in minor units of their currencies as decimal text."""
    return decimal_text(minor, pl.Series(w.MINOR[currencies.to_numpy()]))


def dates(days: pl.Series) -> pl.Series:
    """ISO dates; NEVER becomes NULL."""
    frame = pl.DataFrame({"d": days})
    text = pl.col("d").cast(pl.Int32).cast(pl.Date).dt.to_string("%Y-%m-%d")
    return frame.select(pl.when(pl.col("d") < w.NEVER).then(text)).to_series()


def seconds(days: pl.Series, identity: pl.Series) -> w.Ints:
    """Seconds since 1970 of a change on these days: a time between six and half past eight that the record decides."""
    mixed = (identity.to_numpy().astype(np.uint64) * np.uint64(_SPREAD) >> np.uint64(7)) % np.uint64(_WORKDAY)
    result: w.Ints = days.to_numpy() * SECONDS + _MORNING + mixed.astype(np.int64)
    return result


def times(days: pl.Series, identity: pl.Series) -> pl.Series:
    """Change times as text, in the source's own time zone."""
    stamps = pl.Series(seconds(days, identity)) * 1_000_000
    return stamps.cast(pl.Datetime("us")).dt.to_string("%Y-%m-%d %H:%M:%S")


def last_day(frame: pl.DataFrame, events: Sequence[str], today: int) -> pl.Series:
    """Latest of the event days that are not after today."""
    past = [pl.when(pl.col(name) <= today).then(pl.col(name)) for name in events]
    return frame.select(pl.max_horizontal(past)).to_series()


def spoiled(
    table: pl.DataFrame, keys: Sequence[str], changes: Mapping[str, Mapping[str, str]]
) -> pl.DataFrame:
    """The table with planted texts in single fields.

    Args:
        table: a source table, all text or integer.
        keys: its key fields.
        changes: record key (key fields joined by '|') -> field -> text; an empty text becomes NULL.
    """
    if not changes:
        return table
    key = pl.concat_str([pl.col(name).cast(pl.String) for name in keys], separator="|")
    for record, fields in changes.items():
        table = table.with_columns(
            pl.when(key == record)
            .then(pl.lit(text or None, dtype=pl.String))
            .otherwise(pl.col(name))
            .alias(name)
            for name, text in fields.items()
        )
    return table
