"""Hashes of records. Two kinds, for two needs.

- ``row_md5``, ``text_md5``: stable for ever, stored. MD5 over a canonical text, computed by DuckDB (about 0.6 s per million
  ledger lines of 15 columns; Polars' own hash is ten times faster and not the same in the next version). Not for security.
- ``prints``: 2 x 64 bits by Polars' hash, equal for equal records *within one process*, never stored.

Belongs here: the two kinds of hash. Does not: what is hashed (check, delta).
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import local

import polars as pl

_SEPARATOR = "\x1f"
_thread = local()


def text_md5(texts: pl.Series) -> pl.Series:
    """MD5 of each text, as hex; null stays null."""
    import duckdb

    if not len(texts):
        return pl.Series(texts.name, [], dtype=pl.String)
    connection = getattr(_thread, "connection", None)
    if connection is None:
        connection = _thread.connection = duckdb.connect(config={"threads": 1})
    connection.register("texts", texts.alias("t").to_frame().to_arrow())
    try:
        hashed = pl.from_arrow(connection.sql("select md5(t) as h from texts").to_arrow_table())
    finally:
        connection.unregister("texts")
    assert isinstance(hashed, pl.DataFrame)  # noqa: S101 - a table is a frame
    return hashed["h"].alias(texts.name)


def row_md5(frame: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    """Stable hash of records: of the pairs ``field=value`` in order of the fields, those without a value left out.

    A column that is empty throughout therefore changes nothing, and a new one changes only records that have a value in it.
    """
    pairs = []
    for name in sorted(columns):
        values = frame[name]
        text = pl.col(name)
        if values.dtype == pl.String:
            if values.str.contains(_SEPARATOR, literal=True).any():
                text = text.str.replace_all(_SEPARATOR, _SEPARATOR * 2, literal=True)
        elif values.dtype == pl.Boolean:
            text = text.cast(pl.Int8).cast(pl.String)
        else:  # whole numbers of the smallest unit, whose text no library version changes
            text = text.to_physical().cast(pl.Int64).cast(pl.String)
        pairs.append(pl.lit(f"{name}=") + text)
    return text_md5(
        frame.select(
            pl.concat_str(pairs, separator=_SEPARATOR, ignore_nulls=True).alias("_row_hash")
        ).to_series()
    )


def prints(frame: pl.DataFrame, columns: Sequence[str], prefix: str) -> pl.DataFrame:
    """Two hashes per record as columns ``<prefix>1`` and ``<prefix>2``; equal within this process for equal records."""
    chosen = frame.select(columns)
    return pl.DataFrame(
        [chosen.hash_rows(seed=11).alias(f"{prefix}1"),
         chosen.hash_rows(seed=21).alias(f"{prefix}2")]
    )  # fmt: skip
