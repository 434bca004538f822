"""Fiscal periods as Dagster partitions.

Partitions are the periods of all calendars in the order in which they end; calendars that run side by side
(months and 4-4-5) alternate. They follow from the deployment's calendars, so they are static until those
change.

Belongs here: keys, their order, the range that a night asks for. Does not: period status rules
(warehouse.scope).
"""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from finance_sync.catalog import Deployment
from finance_sync.errors import DeploymentError
from finance_sync.warehouse.scope import build_scope, fiscal_period_id


def period_keys(deployment: Deployment) -> list[str]:
    """All fiscal_period_ids, by last day, then calendar, then number (closing periods last)."""
    rows = deployment.reference["calendars"].to_pylist()
    rows.sort(key=lambda row: (row["ends_on"], row["calendar_id"], row["fiscal_year"], row["period_no"]))
    return [fiscal_period_id(row["calendar_id"], row["fiscal_year"], row["period_no"]) for row in rows]


def period_partitions(deployment: Deployment) -> dg.StaticPartitionsDefinition:
    """The partitions of reconciled models and marts."""
    return dg.StaticPartitionsDefinition(period_keys(deployment))


def open_range(deployment: Deployment) -> tuple[str, str]:
    """First and last period that a night rebuilds: open for some entity, those ahead (they hold budgets) too.

    Returns:
        The two ends of the range in the order of :func:`period_keys`; the last period twice when none is open.
    """
    scope = set(build_scope(deployment, None, everything=False)["fiscal_period_id"].to_pylist())
    keys = period_keys(deployment)
    chosen = [key for key in keys if key in scope] or keys[-1:]
    return chosen[0], chosen[-1]


def asked_range(deployment: Deployment, periods: Sequence[str]) -> tuple[str, str]:
    """The range that covers exactly the given periods.

    Raises:
        DeploymentError: a period does not exist, or the periods leave a gap; names it.
    """
    keys = period_keys(deployment)
    unknown = [period for period in periods if period not in keys]
    if unknown or not periods:
        raise DeploymentError(
            f"fiscal period {unknown[0] if unknown else '(none)'!r} is in no calendar",
            remedy=f"give periods such as {keys[-1]}; they are CALENDAR:YEAR-Pnn",
        )
    places = sorted(keys.index(period) for period in set(periods))
    missing = [keys[place] for place in range(places[0], places[-1]) if place not in places]
    if missing:
        raise DeploymentError(
            f"the periods leave a gap at {missing[0]}",
            remedy="give periods that follow each other, or run them one by one",
        )
    return keys[places[0]], keys[places[-1]]
