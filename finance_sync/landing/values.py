"""What a column becomes: typed values, which rows were given, and findings; and plain texts of any values.

Belongs here: the small words that numbers, times and checks share. Does not: the meaning of any type.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import polars as pl


@dataclass(frozen=True)
class Finding:
    """Values of one field that break the contract in one way.

    Attributes:
        code: e.g. ``not_a_number``.
        mask: which rows.
        problem: what is wrong, after the value: one text, or one per row.
    """

    code: str
    mask: pl.Series
    problem: str | pl.Series


@dataclass(frozen=True)
class Converted:
    """One field: typed values (null where blank or broken), which rows were given at all, and the findings."""

    values: pl.Series
    given: pl.Series
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Limit:
    """Decimals that a number may have: one figure for all rows, or one per row (null: not known, so no limit but the type's).

    Attributes:
        decimals: the figure or figures.
        who: who allows them, for messages, e.g. ``USD``; or per row.
    """

    decimals: int | pl.Series
    who: str | pl.Series

    @property
    def least(self) -> int:
        """Values with so few decimals are right in every row."""
        if isinstance(self.decimals, int):
            return self.decimals
        least = self.decimals.min()
        return 0 if least is None else int(cast("int", least))

    def per_row(self, rows: int, scale: int) -> pl.Series:
        """The figures, never more than the scale."""
        figures = (
            self.decimals
            if isinstance(self.decimals, pl.Series)
            else pl.repeat(self.decimals, rows, dtype=pl.Int64, eager=True)
        )
        return figures.fill_null(scale).clip(0, scale).alias("allowed")

    def words(self, rows: int, scale: int) -> pl.Series:
        """``USD allows 2`` per row."""
        who = self.who if isinstance(self.who, pl.Series) else pl.repeat(self.who, rows, eager=True)
        frame = pl.DataFrame([who.fill_null("the type").alias("who"), self.per_row(rows, scale)])
        return frame.select(pl.format("{} allows {}", "who", "allowed")).to_series()


def stripped(raw: pl.Series, blank: list[str]) -> pl.Series:
    """Texts without blanks around them; null where empty, or one of the texts that mean empty."""
    empty = ["", *(text.strip() for text in blank)]
    text = pl.col(raw.name).str.strip_chars()
    return raw.to_frame().select(pl.when(~text.is_in(empty)).then(text)).to_series()


def as_text(values: pl.Series) -> pl.Series:
    """Any values as plain text: decimals with all their digits, times in ISO 8601."""
    if values.dtype == pl.String:
        return values
    if isinstance(values.dtype, pl.Datetime):
        zoned = values.dtype.time_zone is not None
        utc = values.dt.convert_time_zone("UTC") if zoned else values
        return utc.dt.strftime("%Y-%m-%d %H:%M:%S%.6f" + ("+00:00" if zoned else ""))
    if values.dtype == pl.Binary:
        return values.bin.encode("hex")
    if isinstance(values.dtype, (pl.Struct, pl.List, pl.Array)):
        return (
            values.to_frame().select(pl.struct(pl.all()).struct.json_encode()).to_series().alias(values.name)
        )
    if values.dtype.is_float():  # 400000.0 in a workbook is the code 400000
        return values.cast(pl.String).str.strip_suffix(".0")
    return values.cast(pl.String)
