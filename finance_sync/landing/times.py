"""Dates and times from what sources write: ISO 8601 or a declared format, in the source's zone, to UTC (SPEC 3).

Belongs here: dates and timestamps. Does not: other types.
"""

from __future__ import annotations

from typing import cast

import polars as pl

from finance_sync.catalog.models import FieldSpec
from finance_sync.landing.contract import Binding
from finance_sync.landing.values import Converted, Finding, as_text, stripped

_WITH_TIME = ("%H", "%I", "%T", "%X", "%c", "%R", "%s", "%M")


def time(binding: Binding, spec: FieldSpec, raw: pl.Series) -> Converted:
    """A column of dates (days at the source) or of times (UTC without zone)."""
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
    return (
        (Finding("not_a_date", mask, f"is not a date and time, or one that clocks in {zone} skip"),)
        if mask.any()
        else ()
    )


def _date_text(binding: Binding, spec: FieldSpec, text: pl.Series, given: pl.Series) -> Converted:
    if spec.format is not None and not any(mark in spec.format for mark in _WITH_TIME):
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
    if local.null_count() > plain.null_count():
        local = local.fill_null(plain.str.to_datetime("%Y-%m-%d %H:%M", time_unit="us", strict=False))
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
