"""The page: a Report as HTML. Escaping is on for everything; texts of sources are isolated and cut besides.

Belongs here: filters, charts' data, rendering. Does not: words and order (templates/report.html), figures (read).
"""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from finance_sync.controls.results import SEVERITY_ORDER
from finance_sync.reports import tables
from finance_sync.reports.charts import Bar, stacked, trend
from finance_sync.reports.numbers import NumberFormat, places_of
from finance_sync.reports.read import Report
from finance_sync.reports.scope import TREND

_TEMPLATES = Path(__file__).parent / "templates"
_MOST_TEXT = 240
_MOST_BARS = 30
_NOTHING = "\u2013"
STATES = {
    "failed": "does not hold", "passed": "holds", "nothing_to_compare": "nothing to compare", "not_applicable": "not applicable",
}  # fmt: skip
WINDOWS = {"period": "period", "year_to_date": "year to date", "full_year": "full year"}
CHANGES = {"opened": "New", "returned": "Returned", "reopened": "Reopened", "gone": "Gone"}


def render(report: Report, numbers: NumberFormat) -> str:
    """The whole page, with nothing to load.

    Args:
        report: what it shows.
        numbers: how amounts are written.

    Returns:
        HTML. The same report and format give the same text.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    show = _Show(numbers, report.currency)
    environment.filters.update(
        money=show.money, group=show.group, count=show.count, src=source_text, day=day_text, plain=clean
    )
    css = (_TEMPLATES / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return environment.get_template("report.html").render(
        report=report, scope=report.scope, currency=report.currency, css=css, css_hash=digest,
        share=show.share, charts=_Charts(report, numbers), states=STATES, windows=WINDOWS, kinds=CHANGES,
        ages=_ages(report), movements=tables.MOVEMENTS, limits=tables, trend_length=TREND,
        levels=[*reversed(SEVERITY_ORDER)], dispositions=("open", "assigned", "explained", "waived", "resolved"),
    )  # fmt: skip


class _Show:
    """Numbers as HTML: what is read, and the exact value beside it for programs."""

    def __init__(self, numbers: NumberFormat, currency: str) -> None:
        self._numbers = numbers
        self._group = currency

    def money(self, value: Decimal | None, currency: str | None) -> Markup:
        """An amount in the minor units of its currency."""
        if value is None:
            return Markup('<span class="nil">{}</span>').format(_NOTHING)
        shown = self._numbers.number(value, places_of(currency))
        name = Markup(' class="minus"') if value < 0 else Markup(' class="nil"') if value == 0 else Markup("")
        return Markup('<data{} value="{}">{}</data>').format(name, f"{value:f}", shown)

    def group(self, value: Decimal | None) -> Markup:
        """An amount in group currency."""
        return self.money(value, self._group)

    def count(self, value: int | None) -> Markup:
        """A number of things."""
        if value is None:
            return Markup('<span class="nil">{}</span>').format(_NOTHING)
        name = Markup("") if value else Markup(' class="nil"')
        return Markup('<data{} value="{}">{}</data>').format(name, value, self._numbers.number(value))

    def share(self, part: int, whole: int) -> Markup:
        """A share in percent; a dash of nothing."""
        if not whole:
            return Markup('<span class="nil">{}</span>').format(_NOTHING)
        return Markup('<data value="{}/{}">{}</data>').format(part, whole, self._numbers.share(part, whole))


class _Charts:
    """The charts of a report."""

    def __init__(self, report: Report, numbers: NumberFormat) -> None:
        self._report = report
        self._numbers = numbers

    def entities(self) -> Markup:
        """Actual and commitments of each entity against its budget."""
        bars = [
            Bar(
                clean(row["legal_entity_id"]),
                [("actual", row["actual_group"]), ("enc", row["enc_group"]), ("pre", row["pre_group"])],
                row["budget_group"],
            )
            for row in self._report.entities[:_MOST_BARS]
        ]
        title = f"Actual, encumbrance and pre-encumbrance against the budget to date, by entity, in {self._report.currency}"
        return stacked(bars, title=title, axis=self._numbers.short)

    def owners(self) -> Markup:
        """Exceptions of each owner by severity."""
        order = [*reversed(SEVERITY_ORDER)]
        bars = [
            Bar(
                clean(row["name"]) or "nobody",
                [(f"sev-{level}", Decimal(row["levels"].get(level, 0))) for level in order],
                end=self._numbers.number(row["exceptions"]),
            )
            for row in self._report.owners
        ]
        return stacked(bars, title="Exceptions of each owner by severity", axis=None, end=70)

    def control(self, number: str) -> Markup:
        """Failed comparisons of a control in the last periods."""
        cells = self._report.trend["controls"].get(number)
        if not cells:
            return Markup('<span class="nil">{}</span>').format(_NOTHING)
        values = [cell["failed"] if cell["compared"] else None for cell in cells]
        said = ", ".join("none compared" if value is None else str(value) for value in values)
        return trend(values, title=f"Failed comparisons of {clean(number)} by period, oldest first: {said}")


def source_text(value: Any, most: int = _MOST_TEXT) -> Markup:
    """A text of a source: cleaned, cut, escaped, and kept from changing the direction of what stands around it."""
    text = clean(value)
    if not text:
        return Markup("")
    if len(text) > most:
        text = f"{text[: most - 1]}…"
    return Markup("<bdi>{}</bdi>").format(text)


def clean(value: Any) -> str:
    """A text in one line, without control characters and signs that turn the direction of text."""
    text = "" if value is None else str(value)
    shown = (
        "\ufffd" if unicodedata.category(sign) in {"Cc", "Cf", "Cs", "Co"} else sign
        for sign in " ".join(text.split())
    )
    return "".join(shown)


def day_text(value: date | datetime | None) -> Markup:
    """A day, ISO 8601; of a moment the minute, too."""
    if value is None:
        return Markup('<span class="nil">{}</span>').format(_NOTHING)
    if isinstance(value, datetime):
        moment = value.replace(tzinfo=None, microsecond=0)
        return Markup('<time datetime="{}Z">{}</time>').format(
            moment.isoformat(), moment.isoformat(sep=" ", timespec="minutes")
        )
    return Markup("<time>{}</time>").format(value.isoformat())


def _ages(report: Report) -> Sequence[str]:
    """Bands of age in use: unknown only where it is."""
    unknown = any("unknown" in row["ages"] for row in report.owners)
    return (
        (*tables.AGES, "unknown")
        if unknown and report.registered
        else ("unknown",)
        if unknown
        else tables.AGES
    )
