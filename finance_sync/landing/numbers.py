"""Exact numbers from what sources write: texts in any number format, decimals, integers, and declared binary floats (SPEC 3).

Belongs here: amounts, quantities, prices, rates, integers, and how many decimals they may have. Vectorised; no float ever carries
an amount. Does not: other types (times, convert).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import cast

import polars as pl

from finance_sync.catalog.models import FieldSpec, NumberFormat
from finance_sync.catalog.types import DECIMALS
from finance_sync.errors import SourceError
from finance_sync.landing.contract import Binding, polars_type
from finance_sync.landing.values import Converted, Finding, Limit, as_text, stripped

_PLAIN = r"^[+-]?(\d+\.?\d*|\.\d+)$"
_BLANKS = "[ \u00a0\u202f]"  # a thousands mark may be any blank: plain, no-break, narrow no-break
LOOSE = pl.Decimal(38, 10)  # for totals over values that a contract rejects
_SAFE_DIGITS = 10**15  # below it, a double of so many decimals stands for one decimal only


def plain_numbers(raw: pl.Series, spec: FieldSpec, numbers: NumberFormat) -> tuple[pl.Series, pl.Series]:
    """Texts of numbers as ``[-]digits[.digits]``.

    Returns:
        The plain texts (null where blank), and which rows are given but are no number.
    """
    text = stripped(raw, spec.blank)
    frame = text.to_frame("text")
    column = pl.col("text")
    if spec.zero:
        column = (
            pl.when(column.is_in([item.strip() for item in spec.zero])).then(pl.lit("0")).otherwise(column)
        )
    if numbers.parentheses_negative:
        inner = column.str.extract(r"^\(\s*([^()+-]*?)\s*\)$")
        column = pl.when(inner.is_not_null()).then(pl.lit("-") + inner).otherwise(column)
    # A minus behind the number, as ledgers print it.
    behind = column.str.extract(r"^([^+-]+?)\s*-$")
    if raw.null_count() < len(raw) and frame.select(column.str.ends_with("-").any()).item():
        column = pl.when(behind.is_not_null()).then(pl.lit("-") + behind).otherwise(column)
    if numbers.thousands:
        mark = _BLANKS if numbers.thousands.isspace() else re.escape(numbers.thousands)
        point = re.escape(numbers.decimal)
        # Only whole groups: "1,5" with a thousands comma is no 15. Groups of two are how lakhs are written.
        grouped = rf"^[+-]?\d{{1,3}}({mark}\d{{2,3}})*{mark}\d{{3}}({point}\d*)?$"
        column = (
            pl.when(column.str.contains(grouped)).then(column.str.replace_all(mark, "")).otherwise(column)
        )
    if numbers.decimal != ".":
        # A point is no decimal mark here; it must not become one.
        dotted = column.str.contains(".", literal=True)
        column = (
            pl.when(dotted)
            .then(pl.lit("?"))
            .otherwise(column.str.replace_all(numbers.decimal, ".", literal=True))
        )
    plain = frame.select(column.alias(raw.name)).to_series()
    valid = plain.str.contains(_PLAIN)
    if spec.binary_float:  # doubles are printed with an exponent where they are large or small
        valid = valid | plain.str.contains(r"^[+-]?\d+(\.\d+)?[eE][+-]?\d{1,3}$")
    return plain, (~valid).fill_null(False)  # noqa: FBT003


def decimals_of(plain: pl.Series) -> pl.Series:
    """Decimals that a plain number uses; zeros at its end are none."""
    return plain.str.extract(r"\.(\d*[1-9])0*$").str.len_bytes().fill_null(0).cast(pl.Int64)


def number(binding: Binding, field: str, spec: FieldSpec, raw: pl.Series, limit: Limit) -> Converted:
    """A column of exact numbers.

    Raises:
        SourceError: it comes as binary floats, undeclared, or as a type that is no number.
    """
    if raw.dtype in (pl.String, pl.Null):
        plain, not_number = plain_numbers(raw.cast(pl.String), spec, binding.numbers)
        found = [Finding("not_a_number", not_number, "is not a number")] if not_number.any() else []
        given = plain.is_not_null()
        if found:
            plain = plain.set(not_number, None)
        if spec.binary_float:
            return _from_float(spec, plain.cast(pl.Float64, strict=False), given, limit, found)
        return _from_text(spec, plain, given, limit, found)
    if raw.dtype.is_float():
        if not (spec.binary_float or binding.rounded_floats):
            raise SourceError(
                f"{binding.contract.where}: field {field!r} comes as binary floats, which are not exact",
                remedy="have it delivered as a decimal or as text, or declare `binary_float: true`",
            )
        return _from_float(spec, raw.cast(pl.Float64), raw.is_not_null(), limit, [])
    if raw.dtype.is_integer() or raw.dtype.is_decimal():
        return _from_exact(spec, raw, limit)
    raise SourceError(
        f"{binding.contract.where}: field {field!r} comes as {raw.dtype}; the contract says {spec.type}",
        remedy="have it delivered as a decimal",
    )


def _from_text(
    spec: FieldSpec, plain: pl.Series, given: pl.Series, limit: Limit, found: list[Finding]
) -> Converted:
    scale = DECIMALS[spec.type][1]
    point = plain.str.find(".", literal=True)
    longest = (plain.str.len_bytes() - point - 1).max()
    used: pl.Series | None = None
    if longest is not None and cast("int", longest) > limit.least:
        used = decimals_of(plain)
        found = found + _too_many(used, scale, limit)
    values = plain.cast(polars_type(spec), strict=False)
    if used is not None:
        # A cast rounds what is beyond the scale; those rows are findings and have no value.
        values = values.set(used > scale, None)
    return _fitted(spec, values, given, found, used)


def _from_exact(spec: FieldSpec, raw: pl.Series, limit: Limit) -> Converted:
    target = polars_type(spec)
    given = raw.is_not_null()
    values = raw.cast(target, strict=False)
    used: pl.Series | None = None
    found: list[Finding] = []
    if raw.dtype.is_decimal():
        scale = cast("pl.Decimal", raw.dtype).scale
        if scale > limit.least:
            # As whole numbers, so that a page of clean amounts costs one remainder per row.
            whole = values.to_physical().cast(pl.Int64)
            figures = (
                limit.decimals
                if isinstance(limit.decimals, int)
                else limit.per_row(len(raw), DECIMALS[spec.type][1])
            )
            unit = 10 ** (DECIMALS[spec.type][1] - figures)
            suspect = bool(((whole % unit) != 0).any())
            rounded = scale > DECIMALS[spec.type][1] and bool(
                (values.cast(raw.dtype, strict=False) != raw).any()
            )
            if suspect or rounded:
                used = decimals_of(raw.cast(pl.String))
                found = _too_many(used, DECIMALS[spec.type][1], limit)
                values = values.set(used > DECIMALS[spec.type][1], None)
    return _fitted(spec, values, given, found, used)


def _fitted(
    spec: FieldSpec, values: pl.Series, given: pl.Series, found: list[Finding], used: pl.Series | None
) -> Converted:
    """What is given and has no value although its decimals are right does not fit the type."""
    if values.null_count() > int((~given).sum()):
        lost = given & values.is_null()
        for finding in found:
            lost = lost & ~finding.mask
        if used is not None:
            lost = lost & (used <= DECIMALS[spec.type][1])
        if lost.any():
            precision, scale = DECIMALS[spec.type]
            found = [
                *found,
                Finding(
                    "does_not_fit", lost, f"has more than {precision - scale} digits before the decimal point"
                ),
            ]
    return Converted(values, given, tuple(found))


def _from_float(
    spec: FieldSpec, raw: pl.Series, given: pl.Series, limit: Limit, found: list[Finding]
) -> Converted:
    """A float counts as the decimal of the allowed decimals whose nearest double it is; else it is a finding."""
    scale = DECIMALS[spec.type][1]
    whole, unit = pl.col("whole"), pl.lit(10.0).pow(pl.col("allowed"))
    frame = (
        pl.DataFrame([raw.alias("value"), limit.per_row(len(raw), scale)])
        .with_columns(finite=pl.col("value").is_finite(), whole=(pl.col("value") * unit).round())
        .with_columns(safe=whole.abs() < _SAFE_DIGITS, same=whole / unit == pl.col("value"))
        .with_columns(
            # Whole numbers of the smallest unit, exact in a double, then exact as a decimal.
            exact=pl.when(pl.col("finite") & pl.col("safe") & pl.col("same"))
            .then(whole)
            .cast(pl.Int64)
            .cast(pl.Decimal(38, 0))
            * pl.lit(10, dtype=pl.Int64).pow(scale - pl.col("allowed")).cast(pl.Decimal(38, 0))
        )
        .with_columns(exact=pl.col("exact") * pl.lit(Decimal(1).scaleb(-scale)))
    )
    values = frame["exact"].cast(polars_type(spec), strict=False).alias(raw.name)
    known = raw.is_not_null()
    finite, safe, same = (frame[name].fill_null(True) for name in ("finite", "safe", "same"))  # noqa: FBT003
    masks = {
        "not_a_number": (known & ~finite, "is not a number"),
        "does_not_fit": (
            known & finite & ~safe,
            "is a binary float of more than fifteen digits, which cannot be known exactly",
        ),
        "too_many_decimals": (known & finite & safe & ~same, None),
    }
    for code, (mask, problem) in masks.items():
        if mask.any():
            words = pl.select(
                pl.lit("is the binary float of no number of few enough decimals; ")
                + limit.words(len(raw), scale)
            )
            found = [*found, Finding(code, mask, problem or words.to_series())]
    return Converted(values, given, tuple(found))


def _too_many(used: pl.Series, scale: int, limit: Limit) -> list[Finding]:
    mask = (used > limit.per_row(len(used), scale)).fill_null(False)  # noqa: FBT003
    if not mask.any():
        return []
    frame = pl.DataFrame([used.alias("used"), limit.words(len(used), scale).alias("words")])
    return [
        Finding(
            "too_many_decimals",
            mask,
            frame.select(pl.format("has {} decimals, {}", "used", "words")).to_series(),
        )
    ]


def loose_numbers(binding: Binding, field: str, raw: pl.Series) -> pl.Series:
    """Numbers of rejected records, for totals: whatever can be read as one, else zero. Ten decimals, 28 digits before them."""
    spec = binding.contract.spec.fields[field]
    if raw.dtype == pl.String:
        plain, _ = plain_numbers(raw, spec, binding.numbers)
        values = plain.set(~plain.str.contains(_PLAIN).fill_null(False), None).cast(LOOSE, strict=False)  # noqa: FBT003
    elif raw.dtype.is_float():
        values = raw.cast(pl.String).cast(LOOSE, strict=False)
    else:
        values = raw.cast(LOOSE, strict=False)
    return values.fill_null(Decimal(0))


def integer(binding: Binding, spec: FieldSpec, raw: pl.Series) -> Converted:
    """A column of whole numbers; 5.0 is one, 5.5 is none."""
    if raw.dtype.is_integer():
        values = raw.cast(pl.Int64, strict=False)
        return Converted(values, raw.is_not_null(), _not_integer(raw.is_not_null() & values.is_null()))
    if raw.dtype.is_float():
        whole = raw.cast(pl.Int64, strict=False)
        bad = raw.is_not_null() & ~((whole.cast(pl.Float64) == raw) & (raw.abs() < 2**53)).fill_null(False)  # noqa: FBT003
        return Converted(whole.set(bad, None), raw.is_not_null(), _not_integer(bad))
    plain, bad = plain_numbers(as_text(raw), spec, binding.numbers)
    given = plain.is_not_null()
    values = (
        plain.set(bad, None).str.replace(r"\.0*$", "").cast(pl.Int64, strict=False)
        if len(plain)
        else plain.cast(pl.Int64)
    )
    return Converted(values, given, _not_integer(given & values.is_null()))


def _not_integer(mask: pl.Series) -> tuple[Finding, ...]:
    return (Finding("not_an_integer", mask, "is not a whole number"),) if mask.any() else ()


def currency_limit(currencies: pl.Series, minor_units: Mapping[str, int]) -> Limit:
    """Decimals that the rows' currencies allow (ISO 4217); one figure where all agree."""
    known: dict[int, list[str]] = {}
    strange = False
    for code in currencies.unique().drop_nulls().to_list():
        if code in minor_units:
            known.setdefault(minor_units[code], []).append(code)
        else:
            strange = True
    if len(known) == 1 and not strange:
        return Limit(next(iter(known)), currencies)
    decimals = pl.lit(None, dtype=pl.Int64)
    for units, codes in known.items():
        decimals = (
            pl.when(pl.col("code").is_in(codes)).then(pl.lit(units, dtype=pl.Int64)).otherwise(decimals)
        )
    return Limit(currencies.to_frame("code").select(decimals=decimals).to_series(), currencies)
