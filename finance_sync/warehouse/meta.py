"""The tables that stand beside dbt's models: catalog, manifests and scope (schema ``meta``), reference data (``reference``).

Belongs here: turning catalog and batch log into Arrow tables with the columns that dbt_project/models/_sources.yml declares.
Does not: deciding the scope (scope) or writing to an engine (engine, build).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa

from finance_sync.catalog.loader import Deployment
from finance_sync.catalog.product import controls
from finance_sync.catalog.types import arrow_type
from finance_sync.warehouse.scope import LandedScope, latency_hours

_KINDS = ("legal_entity", "account", "cost_center", "project", "supplier")


def catalog_tables(deployment: Deployment, as_of: date) -> dict[str, pa.Table]:
    """The meta tables that follow from the deployment and the product's catalog alone."""
    systems = deployment.systems.values()
    number = controls()
    applicable = deployment.applicability()
    return {
        "run": _table(
            {"deployment": "text", "title": "text", "group_currency": "text", "as_of": "date"},
            [(deployment.name, deployment.title, deployment.group_currency, as_of)],
        ),
        "system": _table(
            {"system": "text", "title": "text", "role": "text", "owner": "text", "time_zone": "text"},
            [(s.system, s.title, s.role, s.owner, s.time_zone) for s in systems],
        ),
        "system_mapping": _table(
            {"system": "text", "kind": "text", "mode": "text"},
            [(s.system, kind, dict(s.crosswalk).get(kind, "identity")) for s in systems for kind in _KINDS],  # type: ignore[call-overload]
        ),
        "object": _table(
            {"system": "text", "object": "text", "title": "text", "owner": "text", "time_zone": "text", "delta_mode": "text",
             "latency_target_hours": "quantity"},
            [
                (s.system, name, spec.title or name, spec.owner or s.owner, s.time_zone, spec.delta.mode,
                 Decimal(latency_hours(spec.latency_target)))
                for s in systems
                for name, spec in s.objects.items()
            ],
        ),
        "feed": _table(
            {"canonical_object": "text", "system": "text", "object": "text", "staging_model": "text"},
            [(name, feed.system, feed.object, feed.staging_model) for name, feeds in deployment.feeds.items() for feed in feeds],
        ),
        "control": _table(
            {"control_id": "text", "name": "text", "area": "text", "model": "text", "left_system": "text", "left_object": "text",
             "right_system": "text", "right_object": "text", "key": "text", "compares": "text", "authoritative": "text",
             "owner": "text", "is_blocking": "boolean", "absolute_functional": "amount", "percent": "rate", "lag_days": "integer",
             "tolerance_reason": "text", "remedy": "text"},
            [
                (c.id, c.name, c.area, c.model, c.left.system, c.left.object, c.right.system, c.right.object, c.key, c.compares,
                 c.authoritative, c.owner, c.blocking, c.tolerance.absolute_functional, c.tolerance.percent, c.tolerance.lag_days,
                 c.tolerance.reason, c.remedy)
                for c in number.values()
            ],
        ),
        "control_reason": _table(
            {"control_id": "text", "reason_code": "text", "status": "text", "text": "text"},
            [(c.id, code, reason.status, reason.text) for c in number.values() for code, reason in c.reasons.items()],
        ),
        "control_severity": _table(
            {"control_id": "text", "amount_from": "amount", "severity": "text", "deadline_days": "integer"},
            [(c.id, item.from_amount, item.severity, item.days) for c in number.values() for item in c.severities],
        ),
        "applicability": _table(
            {"control_id": "text", "is_applicable": "boolean", "reason": "text"},
            [(control, not why, why or None) for control, why in applicable.items()],
        ),
        "segment": _table({"segment": "text", "name": "text"}, list(deployment.segments.items())),
    }  # fmt: skip


def mark_new(
    batches: pa.Table,
    scope: Mapping[tuple[str, str], LandedScope],
    unreconciled: Collection[tuple[str, str, str]] = (),
) -> pa.Table:
    """The batch table with ``is_new``: facts read the batch in this build, or did so in one whose later layer did not finish."""
    chosen = {
        (system, name, batch.batch_id) for (system, name), part in scope.items() for batch in part.batches
    } | set(unreconciled)
    flags = [
        (row["system"], row["object"], row["batch_id"]) in chosen
        for row in batches.select(["system", "object", "batch_id"]).to_pylist()
    ]
    return batches.append_column("is_new", pa.array(flags, pa.bool_()))


def _table(columns: Mapping[str, str], rows: list[tuple[Any, ...]]) -> pa.Table:
    schema = pa.schema([pa.field(name, arrow_type(kind)) for name, kind in columns.items()])
    arrays = [pa.array([row[index] for row in rows], field.type) for index, field in enumerate(schema)]
    return pa.table(arrays, schema=schema)
