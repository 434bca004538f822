"""Reading the published marts into what the report shows.

Belongs here: the Report value. Does not: statements (figures, tables), look (page).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from finance_sync.catalog import Deployment, controls
from finance_sync.controls.results import SEVERITY_ORDER
from finance_sync.reports import tables
from finance_sync.reports.figures import Figure, cell_drills, figures
from finance_sync.reports.scope import TREND, Scope
from finance_sync.warehouse.publish import Reading

Row = dict[str, Any]
REGISTER = {"exception_register", "exception_history", "exception_run"}
CHANGES = ("opened", "returned", "reopened", "gone")
_ZERO = Decimal(0)


@dataclass(frozen=True)
class Report:
    """What the page shows. Amounts are exact; rows are plain mappings in the order of the page.

    Attributes:
        title: the deployment's.
        currency: group currency.
        version: of the publication.
        scope: day and periods.
        registered: whether the register is published beside the marts.
        figures: definitions by key; values: their first rows.
        entities: one row per entity, both currencies; entities_cut: how many are not shown.
        rolls: movements of the period: kind -> rows by entity.
    """

    title: str
    currency: str
    version: str
    scope: Scope
    registered: bool
    figures: Mapping[str, Figure]
    values: Mapping[str, Row]
    entities: Sequence[Row]
    entities_cut: int
    totals: Row
    rolls: Mapping[str, Sequence[Row]]
    income: Sequence[Row]
    overdrawn: Sequence[Row]
    outside: Row
    commitments: Sequence[Row]
    grni: Sequence[Row]
    controls: Sequence[Row]
    trend: Row
    severities: Sequence[Row]
    owners: Sequence[Row]
    owners_cut: int
    blocking: Sequence[Row]
    largest: Sequence[Row]
    changes: Row
    freshness: Sequence[Row]
    freshness_cut: int
    remedies: Mapping[str, str] = field(default_factory=dict)
    drills: Sequence[str] = ()


def read_report(reading: Reading, deployment: Deployment, scope: Scope) -> Report:
    """Read everything that a report shows.

    Args:
        reading: a publication, held open.
        deployment: names of entities, group currency.
        scope: business date and periods.

    Raises:
        WarehouseError: the publication lacks a mart or a column: an older version of the product wrote it.
    """
    registered = reading.relations >= REGISTER

    def ask(sql: str) -> list[Row]:
        rows: list[Row] = reading.query(sql).to_pylist()
        return rows

    defined = figures(scope, registered=registered)
    entities = _entities(ask, scope)
    groups = ask(tables.exception_groups(scope, registered=registered))
    owners = _by(groups, "owner", key=lambda row: (-row["amount"], row["name"]))
    current = scope.asked is None
    fresh = sorted(
        ask(tables.freshness()), key=lambda row: (row["freshness"] == "on_time", row["system"], row["object"])
    )
    shown_owners = owners[: tables.MOST_OWNERS]
    return Report(
        title=deployment.title,
        currency=deployment.group_currency,
        version=reading.version,
        scope=scope,
        registered=registered,
        figures=defined,
        values={key: ask(figure.sql)[0] for key, figure in defined.items()},
        entities=entities[: tables.MOST_ENTITIES],
        entities_cut=max(0, len(entities) - tables.MOST_ENTITIES),
        totals=_totals(entities),
        rolls={
            kind: _named(ask(tables.roll_forward(scope, kind)), scope)[: tables.MOST_ENTITIES]
            for kind in ("pre_encumbrance", "encumbrance")
        },
        income=_named(ask(tables.income(scope)), scope)[: tables.MOST_ENTITIES],
        overdrawn=ask(tables.overdrawn(scope)),
        outside=ask(tables.outside())[0],
        commitments=sorted(ask(tables.open_commitments()), key=_by_age) if current else [],
        grni=sorted(ask(tables.grni()), key=_by_age) if current else [],
        controls=_controls(ask(tables.controls(scope)), groups),
        trend=_trend(ask(tables.trend(scope)), scope),
        severities=_severities(groups),
        owners=shown_owners,
        owners_cut=len(owners) - len(shown_owners),
        blocking=sorted(
            ask(tables.blocking(scope, registered=registered)),
            key=lambda row: (row["control_id"], row["legal_entity_id"], row["owner"] or ""),
        ),
        largest=_largest(ask(tables.largest(scope, registered=registered)), shown_owners),
        changes=_changes(ask, scope) if registered else {},
        freshness=fresh[: tables.MOST_OBJECTS],
        freshness_cut=max(0, len(fresh) - tables.MOST_OBJECTS),
        remedies={number: control.remedy for number, control in controls().items()},
        drills=cell_drills([*deployment.segments.values()]),
    )


def _entities(ask: Callable[[str], list[Row]], scope: Scope) -> list[Row]:
    """Every entity of the deployment, and those that the marts have beside them; largest budget first when cut."""
    found = {row["legal_entity_id"]: row for row in ask(tables.by_entity(scope))}
    doubts = {row["legal_entity_id"]: row for row in ask(tables.question_by_entity(scope))}
    group = {row["legal_entity_id"]: row for row in ask(tables.question_group_by_entity(scope))}
    empty = {
        f"{name}_{kind}": _ZERO
        for name in ("budget", "actual", "pre", "enc", "funds")
        for kind in ("functional", "group")
    }
    rows = [
        {**empty, "legal_entity_id": entity.id, "currency": entity.currency, **found.pop(entity.id, {})}
        for entity in scope.entities
    ]
    rows += [found[name] for name in sorted(found)]
    for row in rows:
        name = row["legal_entity_id"]
        row["question_functional"] = doubts.get(name, {}).get("question_functional", _ZERO)
        row["exceptions"] = doubts.get(name, {}).get("exceptions", 0)
        row["question_group"] = group.get(name, {}).get("question_group", _ZERO)
    if len(rows) > tables.MOST_ENTITIES:
        rows.sort(key=lambda row: (-abs(row["budget_group"]), row["legal_entity_id"]))
    return _named(rows, scope)


def _named(rows: Sequence[Row], scope: Scope) -> list[Row]:
    """Rows with the name and the period of their entity, in the order of ids unless they have one."""
    known = {entity.id: entity for entity in scope.entities}
    for row in rows:
        entity = known.get(row["legal_entity_id"])
        row["entity_name"] = entity.name if entity else ""
        row["period"] = scope.periods[entity.calendar] if entity else None
    if rows and "budget_functional" in rows[0]:
        return list(rows)
    return sorted(rows, key=lambda row: str(row["legal_entity_id"]))


def _totals(entities: Sequence[Row]) -> Row:
    names = ("budget", "actual", "pre", "enc", "funds", "question")
    return {name: sum((row[f"{name}_group"] for row in entities), _ZERO) for name in names}


def _by(groups: Sequence[Row], column: str, key: Callable[[Row], Any]) -> list[Row]:
    """Groups added up by a column, with counts by age, severity and whether overdue."""
    found: dict[str, Row] = {}
    for group in groups:
        name = str(group[column] or "")
        row = found.setdefault(name, {
            "name": name, "exceptions": 0, "without_amount": 0, "amount": _ZERO, "waiting": 0, "overdue": 0,
            "ages": defaultdict(int), "levels": defaultdict(int), "dispositions": defaultdict(int),
        })  # fmt: skip
        many = group["exceptions"]
        for total in ("exceptions", "without_amount", "amount"):
            row[total] += group[total]
        row["waiting"] += many if group["disposition"] in {"open", "assigned"} else 0
        row["overdue"] += many if group["is_overdue"] else 0
        row["ages"][group["age"]] += many
        row["levels"][str(group["level"] or "")] += many
        row["dispositions"][group["disposition"]] += many
    return sorted(found.values(), key=key)


def _severities(groups: Sequence[Row]) -> list[Row]:
    order: list[str] = list(SEVERITY_ORDER)
    found = {row["name"]: row for row in _by(groups, "level", key=lambda row: row["name"])}
    known = [found.pop(name) for name in reversed(order) if name in found]
    return [*found.values(), *known]


def _controls(results: Sequence[Row], groups: Sequence[Row]) -> list[Row]:
    """One row per control, in the order of their numbers."""
    listed = {row["name"]: row for row in _by(groups, "control_id", key=lambda row: row["name"])}
    order: list[str] = list(SEVERITY_ORDER)
    found: dict[str, Row] = {}
    for result in results:
        row = found.setdefault(
            result["control_id"], {**result, "compared": 0, "agree": 0, "failed": 0, "statuses": set()}
        )
        row["statuses"].add(result["status"])
        for total in ("compared", "agree", "failed"):
            row[total] += result[total]
    for number in sorted(set(listed) - set(found)):
        control = controls().get(number)
        found[number] = {
            "control_id": number, "name": control.name if control else number, "owner": control.owner if control else "",
            "compared": 0, "agree": 0, "failed": 0, "reason": None, "statuses": {"failed"},
        }  # fmt: skip
    for number, row in found.items():
        mine = listed.get(number, {"exceptions": 0, "amount": _ZERO, "without_amount": 0, "levels": {}})
        row.update({name: mine[name] for name in ("exceptions", "amount", "without_amount")})
        row["worst"] = max(
            mine["levels"], key=lambda level: order.index(level) if level in order else 99, default=""
        )
        row["state"] = next(
            (
                name
                for name in ("failed", "passed", "nothing_to_compare", "not_applicable")
                if name in row["statuses"]
            ),
            "nothing_to_compare",
        )
    return [found[number] for number in sorted(found)]


def _trend(rows: Sequence[Row], scope: Scope) -> Row:
    """Comparisons by control and by how many periods ago; oldest first."""
    width = max((len(names) for names in scope.back.values()), default=0)
    width = min(width, TREND)
    controls_: dict[str, list[Row]] = {}
    whole = [{"compared": 0, "agree": 0, "failed": 0} for _ in range(width)]
    for row in rows:
        offset = scope.offset(row["fiscal_period_id"])
        if offset is None:
            continue
        mine = controls_.setdefault(
            row["control_id"], [{"compared": 0, "agree": 0, "failed": 0} for _ in range(width)]
        )
        for total in ("compared", "agree", "failed"):
            mine[width - 1 - offset][total] += row[total]
            whole[width - 1 - offset][total] += row[total]
    columns = [
        [
            names[len(names) - width + place]
            for _, names in sorted(scope.back.items())
            if len(names) - width + place >= 0
        ]
        for place in range(width)
    ]
    return {"columns": columns, "controls": controls_, "all": whole}


def _largest(rows: Sequence[Row], owners: Sequence[Row]) -> list[Row]:
    """Owners in order, each with its rows."""
    found: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row["place"]):
        found.setdefault(str(row["owner"] or ""), []).append(row)
    return [{**owner, "rows": found[owner["name"]]} for owner in owners if owner["name"] in found]


def _changes(ask: Callable[[str], list[Row]], scope: Scope) -> Row:
    """What the last run that brought something new did to the register, and what people did since the one before."""
    last = ask(tables.runs())
    if not last:
        return {}
    run = last[0]
    counts = {row["event"]: row["exceptions"] for row in ask(tables.events(run["run_id"], scope))}
    since = last[1]["at"] if len(last) > 1 else ""
    acts = sorted(ask(tables.acts(since, scope)), key=lambda row: str(row["event"]))
    return {
        "run": run,
        "first": len(last) == 1,
        "counts": {event: counts.get(event, 0) for event in (*CHANGES, "changed", "escalated")},
        "rows": {event: ask(tables.changed(run["run_id"], event, scope)) if counts.get(event) else [] for event in CHANGES},
        "acts": acts,
    }  # fmt: skip


def _by_age(row: Row) -> tuple[int, str]:
    """Age bands by their first day, ``over`` and ``none`` behind."""
    band = str(row["age_band"] or "")
    first = band.partition("-")[0].rpartition(" ")[2]
    return (
        int(first) + band.startswith("over") if first.isdigit() else 99_999,
        str(row.get("commitment_kind", "")),
    )
