"""Numbers, periods and charts of the report."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from report_kit import demo

from finance_sync.reports.charts import Bar, stacked, trend
from finance_sync.reports.numbers import NumberFormat
from finance_sync.reports.page import clean, source_text
from finance_sync.reports.scope import report_scope


@pytest.mark.parametrize(
    ("name", "value", "currency", "shown"),
    [
        ("en", "1234567.885", "USD", "1,234,567.89"),
        ("de", "-1234.5", "EUR", "-1.234,50"),
        ("fr", "1234567.8949", "EUR", "1\u202f234\u202f567,89"),
        ("ch", "1234.005", "CHF", "1\u2019234.01"),
        ("en", "-0.004", "USD", "0.00"),
        ("en", "-0.005", "USD", "-0.01"),
        ("en", "1234.5", "JPY", "1,235"),
        ("en", "1.23449", "KWD", "1.234"),
        (
            "en",
            "99999999999999999999999999999999.9949",
            None,
            "99,999,999,999,999,999,999,999,999,999,999.99",
        ),
    ],
)
def test_amounts(name: str, value: str, currency: str | None, shown: str) -> None:
    from decimal import localcontext

    with localcontext(prec=76):
        assert NumberFormat.named(name).amount(Decimal(value), currency) == shown


def test_a_share_is_rounded_down() -> None:
    numbers = NumberFormat.named("de")
    assert numbers.share(99_999, 100_000) == "99,99\u00a0%"
    assert numbers.share(100_000, 100_000) == "100,00\u00a0%"
    assert numbers.share(0, 7) == "0,00\u00a0%"


def test_an_axis_has_short_numbers() -> None:
    numbers = NumberFormat.named("en")
    shown = [numbers.short(Decimal(value)) for value in ("0", "0.2", "1500", "2000000", "-2500000", "3e9")]
    assert shown == ["0", "0.20", "1.5 k", "2 m", "-2.5 m", "3 bn"]


@pytest.mark.parametrize(
    ("day", "asked", "month", "weeks"),
    [
        (date(2026, 5, 18), None, "MONTH:2026-P05", "US445:2026-P05"),
        (date(2026, 5, 24), None, "MONTH:2026-P05", "US445:2026-P06"),
        (date(2026, 5, 18), "MONTH:2026-P02", "MONTH:2026-P02", "US445:2026-P03"),
        (date(2026, 5, 18), "US445:2026-P02", "MONTH:2026-P02", "US445:2026-P02"),
        # A period that is not over yet: the others stand where the business date is.
        (date(2026, 5, 18), "MONTH:2026-P12", "MONTH:2026-P05", "US445:2026-P05"),
        (date(2019, 1, 1), None, "MONTH:2025-P01", "US445:2025-P01"),
    ],
)
def test_each_calendar_shows_one_period(day: date, asked: str | None, month: str, weeks: str) -> None:
    scope = report_scope(demo(), day, asked)
    found = {name: period.id for name, period in scope.periods.items()}
    assert found["US445"] == weeks
    assert found["MONTH"] == (asked if asked and asked.startswith("MONTH") else month)
    for name, period in scope.periods.items():
        assert scope.back[name][-1] == period.id
        assert len(scope.back[name]) <= 6
        assert scope.year[name][-1] == period.id
        assert all(item.startswith(f"{name}:{period.year}-") for item in scope.year[name])
        assert scope.offset(period.id) == 0
    assert scope.offset("MONTH:1999-P01") is None


def test_bars_are_as_long_as_their_amounts() -> None:
    bars = [
        Bar("A & <b>", [("actual", Decimal(50)), ("enc", Decimal(25)), ("pre", Decimal(-9))], Decimal(100)),
        Bar("B", []),
    ]
    chart = str(stacked(bars, title='By "entity"', axis=lambda value: f"{value:f}"))
    room = 1140 - 150 - 24
    assert 'aria-label="By &#34;entity&#34;"' in chart
    assert "A &amp; &lt;b&gt;" in chart
    assert f'width="{Decimal(room) / 2:.1f}"' in chart
    assert f'x="{150 + Decimal(room) / 2:.1f}"' in chart
    assert f'x1="{150 + room}.0" x2="{150 + room}.0" y1="3"' in chart
    assert chart.count("<rect") == 2
    assert [part.split("<")[0] for part in chart.split('class="tick"')[1:]] != []
    assert "NaN" not in str(stacked([], title="none", axis=str))


def test_a_trend_shows_nothing_compared_and_nothing_failed_apart() -> None:
    chart = str(trend([None, 0, 3], title="t"))
    assert [chart.count(f'class="{name}"') for name in ("none", "zero", "bar")] == [1, 1, 1]


def test_signs_that_cannot_be_seen_are_replaced() -> None:
    assert clean("a\u202eb\u0007c\n d") == "a\ufffdb\ufffdc d"
    assert str(source_text("x" * 300)).count("x") == 239
    assert str(source_text("<b>")) == "<bdi>&lt;b&gt;</bdi>"
    assert str(source_text(None)) == ""
