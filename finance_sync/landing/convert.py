"""From what the source wrote to typed values, one column at a time, with every value that is not what it should be.

Belongs here: which reading a field's type asks for, texts and truth values. Does not: numbers, times, or what happens to a record
with a finding (check).
"""

from __future__ import annotations

import polars as pl

from finance_sync.catalog.models import FieldSpec
from finance_sync.catalog.types import DECIMALS
from finance_sync.landing.contract import Binding
from finance_sync.landing.numbers import integer, number
from finance_sync.landing.times import time
from finance_sync.landing.values import Converted, Finding, Limit, as_text, stripped

_TRUE = ["true", "t", "yes", "y", "1"]
_FALSE = ["false", "f", "no", "n", "0"]


def convert(binding: Binding, field: str, raw: pl.Series, limit: Limit | None) -> Converted:
    """Convert one column.

    Args:
        binding: contract and pull.
        field: the field.
        raw: its column as the source has it.
        limit: for numbers with an exact scale, the decimals allowed; None for other types.

    Returns:
        Typed values with findings.

    Raises:
        SourceError: the column's type cannot hold the field at all.
    """
    spec = binding.contract.spec.fields[field]
    if raw.dtype in (pl.Categorical, pl.Enum):
        raw = raw.cast(pl.String)
    if spec.type in DECIMALS:
        return number(binding, field, spec, raw, limit or Limit(DECIMALS[spec.type][1], spec.type))
    if spec.type == "integer":
        return integer(binding, spec, raw)
    if spec.type == "boolean":
        return _boolean(spec, raw)
    if spec.type in {"date", "timestamp"}:
        return time(binding, spec, raw)
    return _text(spec, raw)


def _text(spec: FieldSpec, raw: pl.Series) -> Converted:
    if raw.dtype != pl.String:
        raw = as_text(raw)
    clean = stripped(raw, spec.blank)
    # A text is kept as it is, blanks and all: what they mean is the staging model's to say. Codes of currencies are not.
    kept = (
        clean
        if spec.type == "currency"
        else raw.set(clean.is_null(), None)
        if clean.null_count() > raw.null_count()
        else raw
    )
    return Converted(kept, clean.is_not_null())


def _boolean(spec: FieldSpec, raw: pl.Series) -> Converted:
    if raw.dtype == pl.Boolean:
        return Converted(raw, raw.is_not_null())
    text = stripped(as_text(raw), spec.blank).str.to_lowercase()
    values = text.to_frame("t").select(
        pl.when(pl.col("t").is_in(_TRUE)).then(True).when(pl.col("t").is_in(_FALSE)).then(False).alias(raw.name)  # noqa: FBT003
    ).to_series()  # fmt: skip
    bad = text.is_not_null() & values.is_null()
    found = (Finding("not_allowed_value", bad, "is neither true nor false"),) if bad.any() else ()
    return Converted(values, text.is_not_null(), found)
