"""Which fiscal periods a report is about: one of each calendar, those before it, and the fiscal year so far.

Belongs here: choosing periods and writing them as SQL conditions. Does not: figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from finance_sync.catalog import Deployment
from finance_sync.catalog.declarations import did_you_mean
from finance_sync.errors import DeploymentError
from finance_sync.warehouse.scope import fiscal_period_id

TREND = 6


@dataclass(frozen=True)
class Period:
    """One fiscal period of a calendar."""

    id: str
    calendar: str
    year: int
    number: int
    starts_on: date
    ends_on: date
    normal: bool


@dataclass(frozen=True)
class Entity:
    """One legal entity of the deployment."""

    id: str
    name: str
    currency: str
    calendar: str


@dataclass(frozen=True)
class Scope:
    """What a report is about.

    Attributes:
        day: business date.
        asked: the fiscal period that was asked for; None for the report of a run.
        entities: by id.
        periods: calendar -> the period shown.
        back: calendar -> ids of the last periods, the one shown at the end.
        year: calendar -> ids of the fiscal year's periods until the one shown.
    """

    day: date
    asked: str | None
    entities: tuple[Entity, ...]
    periods: Mapping[str, Period]
    back: Mapping[str, tuple[str, ...]]
    year: Mapping[str, tuple[str, ...]]

    @property
    def here(self) -> str:
        """SQL: rows of the periods shown."""
        return in_periods(period.id for period in self.periods.values())

    @property
    def to_date(self) -> str:
        """SQL: rows of the fiscal year until the periods shown."""
        return in_periods(name for names in self.year.values() for name in names)

    @property
    def listed(self) -> str:
        """SQL: which exceptions and control results count: all in the report of a run, else those of the periods."""
        return self.here if self.asked else ""

    def offset(self, period_id: str) -> int | None:
        """How many periods before the one shown: 0 is that one; None when it is not among the last ones."""
        for names in self.back.values():
            if period_id in names:
                return len(names) - 1 - names.index(period_id)
        return None


def report_scope(deployment: Deployment, day: date, asked: str | None = None) -> Scope:
    """Periods of a report.

    Args:
        deployment: calendars and entities.
        day: business date; without ``asked`` each calendar shows the period that holds it.
        asked: a fiscal_period_id. Other calendars show the period that holds its last day, at most the business date.

    Raises:
        DeploymentError: no calendar has the period.
    """
    calendars = _calendars(deployment)
    entities = tuple(
        Entity(row["legal_entity_id"], row["name"], row["functional_currency"], row["calendar_id"])
        for row in sorted(
            deployment.reference["entities"].to_pylist(), key=lambda row: row["legal_entity_id"]
        )
    )
    known = {period.id: period for periods in calendars.values() for period in periods}
    if asked is not None and asked not in known:
        raise DeploymentError(f"fiscal period {asked!r} is in no calendar", remedy=did_you_mean(asked, known))
    chosen = known.get(asked or "")
    until = min(chosen.ends_on, day) if chosen else day
    used = {entity.calendar for entity in entities}
    periods = {
        name: chosen if chosen and chosen.calendar == name else _holding(own, until)
        for name, own in sorted(calendars.items())
        if name in used
    }
    return Scope(
        day=day,
        asked=asked,
        entities=entities,
        periods=periods,
        back={name: _before(calendars[name], period)[-TREND:] for name, period in periods.items()},
        year={
            name: tuple(
                item.id for item in calendars[name] if item.year == period.year and _until(item, period)
            )
            for name, period in periods.items()
        },
    )


def in_periods(names: Iterable[str]) -> str:
    """SQL: ``fiscal_period_id in (...)``."""
    return f"fiscal_period_id in ({', '.join(sorted(literal(name) for name in names)) or 'null'})"


def literal(text: str) -> str:
    """A text as SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _calendars(deployment: Deployment) -> dict[str, list[Period]]:
    found: dict[str, list[Period]] = {}
    for row in deployment.reference["calendars"].to_pylist():
        found.setdefault(row["calendar_id"], []).append(_period(row))
    for periods in found.values():
        periods.sort(key=lambda period: (period.year, period.number))
    return found


def _period(row: Mapping[str, Any]) -> Period:
    key = row["calendar_id"], row["fiscal_year"], row["period_no"]
    return Period(
        fiscal_period_id(*key), *key, row["starts_on"], row["ends_on"], normal=row["kind"] == "normal"
    )


def _holding(periods: list[Period], day: date) -> Period:
    """The normal period that holds a day, else the last one that had begun, else the first."""
    normal = [period for period in periods if period.normal] or periods
    return next((period for period in reversed(normal) if period.starts_on <= day), normal[0])


def _until(item: Period, last: Period) -> bool:
    return (item.year, item.number) <= (last.year, last.number)


def _before(periods: list[Period], last: Period) -> tuple[str, ...]:
    return tuple(item.id for item in periods if item.id == last.id or (item.normal and _until(item, last)))
