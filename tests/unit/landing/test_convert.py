"""From what sources write to exact values: every format, every way of being wrong."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from finance_sync.catalog.models import NumberFormat, SourceObject
from finance_sync.catalog.product import minor_units
from finance_sync.errors import SourceError
from finance_sync.landing.contract import Binding, Contract, bind_columns
from finance_sync.landing.convert import convert
from finance_sync.landing.numbers import currency_limit, loose_numbers
from finance_sync.landing.values import Limit


def _binding(
    field: dict[str, Any], zone: str = "UTC", numbers: dict[str, Any] | None = None, fmt: str = "csv"
) -> Binding:
    read = {"kind": "file", "path": "x", "format": fmt}
    spec = SourceObject.model_validate(
        {"read": read, "key": ["f"], "delta": {"mode": "full"}, "fields": {"f": field}}
    )
    contract = Contract("s", "o", spec, zone, minor_units(), "v")
    return bind_columns(contract, {"f": "text"}, NumberFormat.model_validate(numbers or {}))


def _one(
    raw: pl.Series, field: dict[str, Any], limit: Limit | None = None, **options: Any
) -> tuple[list[Any], list[str]]:
    """Values, and the finding's code per row (empty where there is none)."""
    found = convert(_binding(field, **options), "f", raw.alias("f"), limit)
    codes = [""] * len(raw)
    for finding in found.findings:
        for row, hit in enumerate(finding.mask):
            codes[row] = finding.code if hit else codes[row]
    return found.values.to_list(), codes


AMOUNT = {"type": "amount", "decimals": 2}
USD = Limit(2, "USD")


@pytest.mark.parametrize(
    ("text", "numbers", "value"),
    [
        ("1234.50", {}, "1234.50"),
        (" +7 ", {}, "7"),
        (".5", {}, "0.5"),
        ("5.", {}, "5"),
        ("100.0000000", {}, "100"),
        ("12.50-", {}, "-12.50"),
        ("99999999999999.99", {}, "99999999999999.99"),
        ("1,234,567.89", {"thousands": ","}, "1234567.89"),
        ("1234567.89", {"thousands": ","}, "1234567.89"),
        ("12,34,567.89", {"thousands": ","}, "1234567.89"),
        ("-1.234,5", {"decimal": ",", "thousands": "."}, "-1234.5"),
        ("1'234.50", {"thousands": "'"}, "1234.50"),
        ("1\u202f234,50", {"decimal": ",", "thousands": " "}, "1234.50"),
        ("(3,420)", {"thousands": ",", "parentheses_negative": True}, "-3420"),
        ("( 12.5 )", {"parentheses_negative": True}, "-12.5"),
    ],
)  # fmt: skip
def test_texts_of_numbers(text: str, numbers: dict[str, Any], value: str) -> None:
    assert _one(pl.Series([text]), AMOUNT, USD, numbers=numbers) == ([Decimal(value)], [""])


@pytest.mark.parametrize(
    ("text", "numbers", "code"),
    [
        ("abc", {}, "not_a_number"),
        ("1e5", {}, "not_a_number"),
        ("1,5", {}, "not_a_number"),
        ("1,5", {"thousands": ","}, "not_a_number"),  # a group of one is no group: 1,5 is not 15
        ("1,234", {"decimal": ","}, "too_many_decimals"),
        ("1.5", {"decimal": ","}, "not_a_number"),  # the point is no decimal mark there
        ("1.234", {"decimal": ",", "thousands": "."}, ""),
        ("(5)", {}, "not_a_number"),
        ("(-5)", {"parentheses_negative": True}, "not_a_number"),
        ("--5", {}, "not_a_number"),
        ("1,000,000.005", {"thousands": ","}, "too_many_decimals"),
        ("0.0000000000000001", {}, "too_many_decimals"),
        ("100000000000000", {}, "does_not_fit"),
        ("9" * 40, {}, "does_not_fit"),
        ("", {}, ""),
    ],
)  # fmt: skip
def test_texts_that_are_no_number_here(text: str, numbers: dict[str, Any], code: str) -> None:
    values, codes = _one(pl.Series([text, "1"]), AMOUNT, USD, numbers=numbers)
    assert codes == [code, ""]
    assert code not in {"not_a_number", "does_not_fit"} or values[0] is None


def test_blank_and_zero_texts() -> None:
    field = {**AMOUNT, "zero": ["-"], "blank": ["n/a"]}
    assert _one(pl.Series([" -   ", "n/a", "  ", None]), field, USD) == (
        [Decimal(0), None, None, None],
        [""] * 4,
    )


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("price", "1.123456", "1.1234567"),
        ("quantity", "1.1234", "1.12345"),
        ("rate", "0.1234567891", "0.12345678912"),
    ],
)
def test_other_numbers_have_the_decimals_of_their_type(kind: str, good: str, bad: str) -> None:
    assert _one(pl.Series([good, bad]), {"type": kind}) == ([Decimal(good), None], ["", "too_many_decimals"])


def test_decimals_follow_the_currency_of_each_row() -> None:
    codes = pl.Series(["USD", "JPY", "KWD", "CLF", "USD", "JPY", "XXQ", None])
    raw = pl.Series(["1.25", "100", "1.125", "1.1255", "1.255", "1.5", "1.1255", "1.1255"])
    limit = currency_limit(codes, minor_units())
    found = convert(_binding({"type": "amount", "currency": "USD"}), "f", raw.alias("f"), limit)
    (finding,) = found.findings
    assert finding.mask.to_list() == [False] * 4 + [True, True, False, False]
    assert isinstance(finding.problem, pl.Series)
    assert finding.problem.filter(finding.mask).to_list() == [
        "has 3 decimals, USD allows 2",
        "has 1 decimals, JPY allows 0",
    ]
    typed = raw.cast(pl.Decimal(18, 4))
    assert (
        convert(_binding({"type": "amount", "currency": "USD"}), "f", typed.alias("f"), limit)
        .findings[0]
        .mask.equals(finding.mask)
    )


@pytest.mark.parametrize(
    ("value", "dtype", "code"),
    [
        (Decimal("1.25"), pl.Decimal(18, 2), ""),
        (Decimal("1.2500"), pl.Decimal(38, 18), ""),
        (Decimal("1.255"), pl.Decimal(18, 3), "too_many_decimals"),
        (Decimal("1.000000000001"), pl.Decimal(38, 18), "too_many_decimals"),
        (Decimal(100000000000000), pl.Decimal(38, 2), "does_not_fit"),
        (99999999999999, pl.Int64, ""),
        (10**15, pl.Int64, "does_not_fit"),
    ],
)  # fmt: skip
def test_typed_numbers_are_never_rounded(value: Any, dtype: Any, code: str) -> None:
    values, codes = _one(pl.Series([value, None], dtype=dtype), AMOUNT, USD)
    assert codes == [code, ""]
    assert values[0] == (value if not code else values[0])
    assert code != "does_not_fit" or values[0] is None


@pytest.mark.parametrize(
    ("text", "value", "code"),
    [
        ("-657203.80000000005", "-657203.80", ""),
        ("0.1", "0.10", ""),
        ("1.1000000000000001", "1.10", ""),
        ("2.5E2", "250", ""),
        ("0.30000000000000004", None, "too_many_decimals"),  # the double next to 0.3 is no 0.3
        ("1.005", None, "too_many_decimals"),
        ("99999999999999.98", None, "does_not_fit"),  # that double is 99999999999999.99 too
        ("NaN", None, "not_a_number"),
    ],
)  # fmt: skip
def test_declared_binary_floats_count_as_the_decimal_they_stand_for(
    text: str, value: str | None, code: str
) -> None:
    field = {**AMOUNT, "binary_float": True}
    want = (None if value is None else Decimal(value), code)
    values, codes = _one(pl.Series([text]), field, USD)
    assert (values[0], codes[0]) == want
    values, codes = _one(pl.Series([float(text)]), field, USD)
    assert (values[0], codes[0]) == want


def test_undeclared_floats_never_carry_an_amount() -> None:
    with pytest.raises(SourceError, match=r"s\.o: field 'f' comes as binary floats, which are not exact"):
        _one(pl.Series([1.5]), AMOUNT, USD)


def test_totals_of_rejected_records_take_what_can_be_read() -> None:
    binding = _binding(AMOUNT, numbers={"thousands": ","})
    assert loose_numbers(binding, "f", pl.Series("f", ["1,000,000.005", "abc", "", None])).to_list() == [
        Decimal("1000000.005"),
        0,
        0,
        0,
    ]


@pytest.mark.parametrize(
    ("raw", "value", "code"),
    [
        (pl.Series(["5"]), 5, ""),
        (pl.Series(["5.00"]), 5, ""),
        (pl.Series(["1,000"]), 1000, ""),
        (pl.Series(["5.5"]), None, "not_an_integer"),
        (pl.Series(["x"]), None, "not_an_integer"),
        (pl.Series(["9" * 20]), None, "not_an_integer"),
        (pl.Series([5.0]), 5, ""),
        (pl.Series([5.5]), None, "not_an_integer"),
        (pl.Series([Decimal("5.0")]), 5, ""),
        (pl.Series([7], dtype=pl.Int16), 7, ""),
        (pl.Series([2**64 - 1], dtype=pl.UInt64), None, "not_an_integer"),
    ],
)  # fmt: skip
def test_whole_numbers(raw: pl.Series, value: int | None, code: str) -> None:
    assert _one(raw, {"type": "integer"}, numbers={"thousands": ","}) == ([value], [code])


def test_truth_values() -> None:
    raw = pl.Series(["Yes", "0", "T", "maybe", " "])
    assert _one(raw, {"type": "boolean"}) == (
        [True, False, True, None, None],
        ["", "", "", "not_allowed_value", ""],
    )
    assert _one(pl.Series([1, 0]), {"type": "boolean"})[0] == [True, False]


@pytest.mark.parametrize(
    ("text", "declared", "value"),
    [
        ("2026-01-31", None, date(2026, 1, 31)),
        ("2026-01-31 00:00:00.000", None, date(2026, 1, 31)),
        ("2026-01-31T00:00:00", None, date(2026, 1, 31)),
        ("31.01.2026", "%d.%m.%Y", date(2026, 1, 31)),
        ("2022-04-29 00:00:00.000", "%Y-%m-%d %H:%M:%S%.f", date(2022, 4, 29)),
        ("2026-02-30", None, None),
        ("2026-01-31 10:30:00", None, None),  # a date cannot hold a time of day
        ("2026-01-31 10:30", "%Y-%m-%d %H:%M", None),
        ("31.01.2026", None, None),
        ("2026-01-31", "%d.%m.%Y", None),
    ],
)  # fmt: skip
def test_dates(text: str, declared: str | None, value: date | None) -> None:
    field = {"type": "date", "format": declared}
    assert _one(pl.Series([text, None]), field) == ([value, None], ["" if value else "not_a_date", ""])


def test_a_date_from_a_time_is_the_day_at_the_source() -> None:
    midnight = pl.Series([datetime(2026, 1, 30, 23)]).dt.replace_time_zone("UTC")
    assert _one(midnight, {"type": "date"}, zone="Europe/Berlin") == ([date(2026, 1, 31)], [""])
    assert _one(midnight, {"type": "date"}, zone="UTC") == ([None], ["not_a_date"])


@pytest.mark.parametrize(
    ("text", "zone", "utc"),
    [
        ("2026-06-01 10:00:00", "UTC", "2026-06-01 10:00"),
        ("2026-06-01T10:00:00.25", "Europe/Berlin", "2026-06-01 08:00:00.250"),
        ("2026-06-01 10:00", "America/Los_Angeles", "2026-06-01 17:00"),
        ("2026-06-01", "UTC", "2026-06-01 00:00"),
        ("2026-06-01T10:00:00Z", "Europe/Berlin", "2026-06-01 10:00"),
        ("2026-06-01 10:00:00+02", "UTC", "2026-06-01 08:00"),
        ("2026-06-01 10:00:00.5 -05:30", "UTC", "2026-06-01 15:30:00.500"),
        ("2026-10-25 02:30:00", "Europe/Berlin", "2026-10-25 00:30"),  # lived twice: the earlier
        ("2026-03-29 02:30:00", "Europe/Berlin", None),  # skipped by clocks
        ("soon", "UTC", None),
    ],
)  # fmt: skip
def test_times_become_utc(text: str, zone: str, utc: str | None) -> None:
    want = None if utc is None else datetime.fromisoformat(utc)
    for mixed in ([text], [text, "2026-01-01 00:00:00Z"]):
        values, codes = _one(pl.Series(mixed), {"type": "timestamp"}, zone=zone)
        assert (values[0], codes[0]) == (want, "" if utc else "not_a_date")


def test_typed_times_become_utc() -> None:
    local = pl.Series([datetime(2026, 6, 1, 10)])
    assert _one(local, {"type": "timestamp"}, zone="Europe/Berlin")[0] == [datetime(2026, 6, 1, 8)]
    assert _one(local.dt.replace_time_zone("Asia/Tokyo"), {"type": "timestamp"}, zone="Europe/Berlin")[0] == [
        datetime(2026, 6, 1, 1)
    ]
    assert _one(pl.Series([date(2026, 6, 1)]), {"type": "timestamp"}, zone="Europe/Berlin")[0] == [
        datetime(2026, 5, 31, 22)
    ]


def test_texts_are_kept_as_they_are_and_blank_ones_are_null(tmp_path: Path) -> None:
    assert _one(pl.Series([" a ", "  ", "", "n/a", None]), {"blank": ["n/a"]})[0] == [
        " a ",
        None,
        None,
        None,
        None,
    ]
    assert _one(pl.Series([400000, None]), {})[0] == ["400000", None]
    assert _one(pl.Series([400000.0, 1.5]), {}, fmt="xlsx")[0] == ["400000", "1.5"]
    assert _one(pl.Series([" USD "]), {"type": "currency"})[0] == ["USD"]
