"""From what the source wrote to exact typed values, one column at a time, with every value that is not what it should be.

Belongs here: the meaning of numbers, dates, truth values and blanks (SPEC 3). Vectorised; no float ever carries an amount.
Does not: what happens to a record with a finding (check).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

import polars as pl

from finance_sync.catalog.models import FieldSpec, NumberFormat
from finance_sync.catalog.types import DECIMALS
from finance_sync.errors import SourceError
from finance_sync.landing.contract import Binding, polars_type

_TRUE = ["true", "t", "yes", "y", "1"]
_FALSE = ["false", "f", "no", "n", "0"]
_PLAIN = r"^[+-]?(\d+\.?\d*|\.\d+)$"
_BLANKS = "[ \u00a0\u202f]"  # a thousands mark may be any blank: plain, no-break, narrow no-break
LOOSE = pl.Decimal(38, 10)  # for totals over values that a contract rejects
_SAFE_DIGITS = 10**15  # below it, a double of so many decimals stands for one decimal only


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
        return _number(binding, field, spec, raw, limit or Limit(DECIMALS[spec.type][1], spec.type))
    if spec.type == "integer":
        return _integer(binding, spec, raw)
    if spec.type == "boolean":
        return _boolean(spec, raw)
    if spec.type in {"date", "timestamp"}:
        return _time(binding, spec, raw)
    return _text(spec, raw)


# ---------------------------------------------------------------- texts


def stripped(raw: pl.Series, blank: list[str]) -> pl.Series:
    """Texts without blanks around them; null where empty, or one of the texts that mean empty."""
    empty = ["", *(text.strip() for text in blank)]
    text = pl.col(raw.name).str.strip_chars()
    return raw.to_frame().select(pl.when(~text.is_in(empty)).then(text)).to_series()


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


# ---------------------------------------------------------------- numbers


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


def _number(binding: Binding, field: str, spec: FieldSpec, raw: pl.Series, limit: Limit) -> Converted:
    if raw.dtype in (pl.String, pl.Null):
        plain, not_number = plain_numbers(raw.cast(pl.String), spec, binding.numbers)
        found = [Finding("not_a_number", not_number, "is not a number")] if not_number.any() else []
        if found:
            plain = plain.set(not_number, None)
        if spec.binary_float:
            return _from_float(spec, plain.cast(pl.Float64, strict=False), limit, found)
        return _from_text(spec, plain, limit, found)
    if raw.dtype.is_float():
        if not (spec.binary_float or binding.rounded_floats):
            raise SourceError(
                f"{binding.contract.where}: field {field!r} comes as binary floats, which are not exact",
                remedy="have it delivered as a decimal or as text, or declare `binary_float: true`",
            )
        return _from_float(spec, raw.cast(pl.Float64), limit, [])
    if raw.dtype.is_integer() or raw.dtype.is_decimal():
        return _from_exact(spec, raw, limit)
    raise SourceError(
        f"{binding.contract.where}: field {field!r} comes as {raw.dtype}; the contract says {spec.type}",
        remedy="have it delivered as a decimal",
    )


def _from_text(spec: FieldSpec, plain: pl.Series, limit: Limit, found: list[Finding]) -> Converted:
    scale = DECIMALS[spec.type][1]
    given = plain.is_not_null()
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


def _from_float(spec: FieldSpec, raw: pl.Series, limit: Limit, found: list[Finding]) -> Converted:
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
    given = raw.is_not_null()
    finite, safe, same = (frame[name].fill_null(True) for name in ("finite", "safe", "same"))  # noqa: FBT003
    masks = {
        "not_a_number": (given & ~finite, "is not a number"),
        "does_not_fit": (
            given & finite & ~safe,
            "is a binary float of more than fifteen digits, which cannot be known exactly",
        ),
        "too_many_decimals": (given & finite & safe & ~same, None),
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


def _integer(binding: Binding, spec: FieldSpec, raw: pl.Series) -> Converted:
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


# ---------------------------------------------------------------- truth values and times


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


def _time(binding: Binding, spec: FieldSpec, raw: pl.Series) -> Converted:
    zone = binding.contract.time_zone
    wants_date = spec.type == "date"
    if raw.dtype == pl.Date:
        return Converted(raw if wants_date else _to_utc(raw.cast(pl.Datetime("us")), zone), raw.is_not_null())
    if isinstance(raw.dtype, pl.Datetime):
        given = raw.is_not_null()
        moment = raw.cast(pl.Datetime("us", raw.dtype.time_zone))
        if wants_date:
            # A date is the day at the source, not the day in UTC.
            local = (
                moment.dt.convert_time_zone(zone).dt.replace_time_zone(None)
                if raw.dtype.time_zone
                else moment
            )
            return _day(local, given)
        values = (
            moment.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
            if raw.dtype.time_zone
            else _to_utc(moment, zone)
        )
        return Converted(values, given, _no_such_time(given & values.is_null(), zone))
    text = stripped(as_text(raw), spec.blank)
    given = text.is_not_null()
    if wants_date:
        return _date_text(binding, spec, text, given)
    values = _moments(text, spec.format, zone, lenient=binding.lenient_times)
    bad = given & values.is_null()
    return Converted(values, given, _no_such_time(bad, zone))


def _no_such_time(mask: pl.Series, zone: str) -> tuple[Finding, ...]:
    return (Finding("not_a_date", mask, f"is not a time that exists in {zone}"),) if mask.any() else ()


def _date_text(binding: Binding, spec: FieldSpec, text: pl.Series, given: pl.Series) -> Converted:
    if spec.format is not None and not any(
        mark in spec.format for mark in ("%H", "%I", "%T", "%X", "%c", "%R", "%s", "%M")
    ):
        days = text.str.to_date(spec.format, strict=False)
        return _days(days.fill_null(_iso_day(text)) if binding.lenient_times else days, given)
    if spec.format is not None:
        local = text.str.to_datetime(spec.format, time_unit="us", strict=False)
        return _day(local, given, _iso_day(text) if binding.lenient_times else None)
    days = _iso_day(text)
    if days.null_count() == text.null_count():
        return _days(days, given)
    return _day(_local_iso(text), given, days)


def _iso_day(text: pl.Series) -> pl.Series:
    return text.str.to_date("%Y-%m-%d", strict=False)


def _days(days: pl.Series, given: pl.Series) -> Converted:
    bad = given & days.is_null()
    return Converted(days, given, (Finding("not_a_date", bad, "is not a date"),) if bad.any() else ())


def _day(local: pl.Series, given: pl.Series, known: pl.Series | None = None) -> Converted:
    """Days of local times. A time of day other than midnight is more than a date can hold."""
    days = local.dt.date()
    odd = (local != days.cast(pl.Datetime("us"))).fill_null(False)  # noqa: FBT003
    days = days.set(odd, None)
    if known is not None:
        days = known.fill_null(days)
    converted = _days(days, given)
    if not odd.any():
        return converted
    plain = given & days.is_null() & ~odd
    found = [Finding("not_a_date", given & odd, "has a time of day; declare it as a timestamp")]
    if plain.any():
        found.append(Finding("not_a_date", plain, "is not a date"))
    return Converted(days, given, tuple(found))


def _to_utc(local: pl.Series, zone: str) -> pl.Series:
    """UTC of local times. Of a time that clocks show twice the earlier is meant; one that they skip is none."""
    if zone.upper() in {"UTC", "ETC/UTC"}:
        return local
    return (
        local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        .dt.convert_time_zone("UTC")
        .dt.replace_time_zone(None)
    )


def _local_iso(text: pl.Series) -> pl.Series:
    plain = text.str.replace("T", " ", literal=True)
    local = plain.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)
    for shorter in ("%Y-%m-%d %H:%M",):
        if local.null_count() > plain.null_count():
            local = local.fill_null(plain.str.to_datetime(shorter, time_unit="us", strict=False))
    if local.null_count() > plain.null_count():
        local = local.fill_null(_iso_day(plain).cast(pl.Datetime("us")))
    return local


def _moments(text: pl.Series, declared: str | None, zone: str, *, lenient: bool) -> pl.Series:
    """UTC of texts, by the declared format or ISO 8601 with or without an offset."""
    if declared is not None:
        parsed = text.str.to_datetime(declared, time_unit="us", strict=False)
        zoned = cast("pl.Datetime", parsed.dtype).time_zone is not None
        moments = (
            parsed.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if zoned else _to_utc(parsed, zone)
        )
        return (
            moments.fill_null(_iso_moments(text, zone))
            if lenient and moments.null_count() > text.null_count()
            else moments
        )
    return _iso_moments(text, zone)


def _iso_moments(text: pl.Series, zone: str) -> pl.Series:
    has_offset = text.str.contains(r":\d{2}(\.\d+)?\s*(Z|[+-]\d{2}(:?\d{2})?)$")
    if not has_offset.any():
        return _to_utc(_local_iso(text), zone)
    plain = (
        text.str.replace("T", " ", literal=True)
        .str.replace(r"\s*Z$", "+0000")
        .str.replace(r"\s*([+-]\d{2})$", "${1}00")
    )
    absolute = plain.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%#z", time_unit="us", strict=False)
    absolute = absolute.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    if has_offset.all():
        return absolute
    return absolute.zip_with(has_offset.fill_null(False), _to_utc(_local_iso(text), zone))  # noqa: FBT003


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
