"""What the register asks the controls table and the deployment: severity, deadline, escalation, and which day it is where.

Belongs here: rules of the day as frames. Does not: applying them (life).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from finance_sync.catalog.loader import Deployment
from finance_sync.catalog.product import Control, controls
from finance_sync.exceptions.tables import AMOUNT
from finance_sync.settings import Settings

SEVERITIES = ("low", "medium", "high", "critical")
_EVERYWHERE = ("ALL", "UNMAPPED")


@dataclass(frozen=True)
class Rules:
    """The rules on one day.

    Attributes:
        thresholds: control_id, and per severity ``from_<severity>``: least amount at risk, group currency (NULL: never).
        periods: control_id, legal_entity_id, severity, deadline_days, raise_after_days, escalate_every_days, escalate_to.
        today: which day it is for an entity, by whom its waivers are judged; the key "" is for any other.
    """

    thresholds: pl.DataFrame
    periods: pl.DataFrame
    today: Mapping[str, date]

    def today_of(self, entity: str) -> date:
        """Which day it is for an entity."""
        return self.today.get(entity, self.today[""])


def rules_of(settings: Settings, deployment: Deployment, now: datetime) -> Rules:
    """The rules on the business date.

    Args:
        settings: may state the business date.
        deployment: reference tables ``exception_rules`` and ``policies``.
        now: this moment, with a zone.
    """
    day = deployment.business_date(settings)
    return Rules(_thresholds(), _periods(deployment, day), local_days(settings, deployment, now))


def local_days(settings: Settings, deployment: Deployment, now: datetime) -> dict[str, date]:
    """Which day it is, by entity; key "" for entities without a zone of their own.

    A business date that is stated (setting, clock of the deployment) is that day everywhere. Else it is the day of ``now`` in the
    entity's zone, else in the deployment's, else UTC (policy ``time_zone``).
    """
    stated = deployment.stated_date(settings)
    day = stated or now.astimezone(UTC).date()
    zones: dict[str, str] = {}
    for row in _valid(deployment.reference["policies"].to_pylist(), day):
        if row["policy"] == "time_zone":
            zones[row["legal_entity_id"] or ""] = row["value"]
    entities = deployment.reference["entities"]["legal_entity_id"].to_pylist()
    default = zones.get("", "UTC")
    return {
        name: stated or now.astimezone(ZoneInfo(zones.get(name, default))).date() for name in ("", *entities)
    }


def _thresholds() -> pl.DataFrame:
    rows = []
    for control in controls().values():
        from_amount = {str(item.severity): item.from_amount for item in control.severities}
        rows.append(
            {"control_id": control.id, **{f"from_{name}": from_amount.get(name) for name in SEVERITIES}}
        )
    schema: dict[str, Any] = {"control_id": pl.String, **{f"from_{name}": AMOUNT for name in SEVERITIES}}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _periods(deployment: Deployment, day: date) -> pl.DataFrame:
    entities = [*deployment.reference["entities"]["legal_entity_id"].to_pylist(), *_EVERYWHERE]
    own = _valid(deployment.reference["exception_rules"].to_pylist(), day)
    # The more specific comes later and wins: control before entity.
    own.sort(
        key=lambda row: (row["control_id"] is not None, row["legal_entity_id"] is not None, row["valid_from"])
    )
    rows = [
        _rule(control, entity, severity, own)
        for control in controls().values()
        for entity in entities
        for severity in SEVERITIES
    ]
    return pl.DataFrame(
        rows,
        schema={
            "control_id": pl.String, "legal_entity_id": pl.String, "severity": pl.String, "deadline_days": pl.Int64,
            "raise_after_days": pl.Int64, "escalate_every_days": pl.Int64, "escalate_to": pl.List(pl.String),
        },
        orient="row",
    )  # fmt: skip


def _rule(control: Control, entity: str, severity: str, own: list[dict[str, Any]]) -> dict[str, Any]:
    days = {str(item.severity): item.days for item in control.severities}
    rule: dict[str, Any] = {
        "control_id": control.id,
        "legal_entity_id": entity,
        "severity": severity,
        "deadline_days": days.get(severity, min(days.values())),
        "raise_after_days": control.raise_after_days.get(severity),
        "escalate_every_days": control.escalation.every_days,
        "escalate_to": list(control.escalation.to),
    }
    for row in own:
        if (
            row["severity"] == severity
            and row["control_id"] in (None, control.id)
            and row["legal_entity_id"] in (None, entity)
        ):
            for name in ("deadline_days", "raise_after_days", "escalate_every_days"):
                rule[name] = row[name] if row[name] is not None else rule[name]
            if row["escalate_to"]:
                rule["escalate_to"] = [part.strip() for part in row["escalate_to"].split(";") if part.strip()]
    return rule


def _valid(rows: list[dict[str, Any]], day: date) -> list[dict[str, Any]]:
    return [row for row in rows if row["valid_from"] <= day <= (row["valid_to"] or date.max)]
