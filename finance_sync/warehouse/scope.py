"""What a run has to touch: which landed batches are new, which must be read again, which fiscal periods are rebuilt.

Belongs here: the decision, as data. Does not: doing it (build), dbt (project).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pyarrow as pa

from finance_sync.catalog.loader import Deployment
from finance_sync.catalog.models import SourceObject
from finance_sync.catalog.product import canonical_objects
from finance_sync.catalog.types import arrow_type, sql_type
from finance_sync.landing import Batch

# A change of these rewrites codes of facts that stand already: facts are built anew.
_REMAPPING = ("entities", "calendars", "crosswalk")
UNMAPPED, ALL = "UNMAPPED", "ALL"
_OPEN = {"future", "open", "closing"}


@dataclass(frozen=True)
class LandedScope:
    """Batches of one object that this run's staging model sees.

    Attributes:
        batches: in order of landing.
        whole: True when they are all the batches that count (dimensions, full mode), not only new ones.
    """

    batches: tuple[Batch, ...]
    whole: bool


def fiscal_period_id(calendar_id: str, fiscal_year: int, period_no: int) -> str:
    """Key of a fiscal period, e.g. ``MONTHS:2026-P05`` (SPEC 3)."""
    return f"{calendar_id}:{fiscal_year}-P{period_no:02d}"


def feeds_dimension(spec: SourceObject) -> bool:
    """Whether an object feeds a dimension, whose model always reads all batches."""
    known = canonical_objects()
    return any(known[feed.partition(":")[0]].kind == "dimension" for feed in spec.feeds)


def landed_scope(
    deployment: Deployment,
    batches: Mapping[tuple[str, str], list[Batch]],
    processed: set[tuple[str, str, str]],
    *,
    everything: bool,
) -> dict[tuple[str, str], LandedScope]:
    """Batches that each object's staging model reads in this run.

    Args:
        deployment: the systems.
        batches: all batches by (system, object).
        processed: (system, object, batch id) that stand in the canonical models.
        everything: read all of them, for a full refresh.

    Returns:
        Scope by (system, object), for every object of the deployment.
    """
    scope: dict[tuple[str, str], LandedScope] = {}
    for system_name, system in deployment.systems.items():
        new = {
            name: [
                batch
                for batch in batches.get((system_name, name), [])
                if (system_name, name, batch.batch_id) not in processed
            ]
            for name in system.objects
        }
        for name, spec in system.objects.items():
            mine = batches.get((system_name, name), [])
            partners = {
                other
                for other in system.objects
                if other in spec.joins or name in system.objects[other].joins
            }
            joined = bool(partners) and any(new[other] for other in {name, *partners})
            whole = everything or feeds_dimension(spec) or not spec.feeds or joined
            chosen = mine if whole else new[name]
            if spec.delta.mode == "full":
                chosen = chosen[-1:]
            scope[system_name, name] = LandedScope(tuple(chosen), whole)
    return scope


def landed_variable(deployment: Deployment, scope: Mapping[tuple[str, str], LandedScope]) -> dict[str, Any]:
    """The dbt variable ``landed`` (files, batch sequence numbers and typed columns by system and object)."""
    value: dict[str, Any] = {}
    for (system, name), part in scope.items():
        spec = deployment.systems[system].objects[name]
        columns = {field: sql_type(item.type) for field, item in spec.fields.items()}
        columns |= {
            "_batch_id": "varchar",
            "_batch_seq": "bigint",
            "_row_hash": "varchar",
            "_deleted": "boolean",
        }
        for batch in part.batches:
            columns |= dict.fromkeys(batch.new_columns, "varchar")
        value.setdefault(system, {})[name] = {
            "files": [
                batch.accepted_path for batch in part.batches if batch.rows_accepted or batch.rows_deleted
            ],
            "batch_seqs": [batch.seq for batch in part.batches],
            "columns": columns,
            "full": spec.delta.mode == "full",
        }
    return value


def build_scope(deployment: Deployment, periods: Iterable[str] | None, *, everything: bool) -> pa.Table:
    """Pairs of entity and fiscal period whose reconciled rows are replaced (SPEC 9: open periods only).

    Args:
        deployment: entities, calendars, period status.
        periods: fiscal_period_ids to rebuild instead of the open ones; closed ones among them are left alone.
        everything: closed periods too: the first build, or a rebuild with consent.

    Returns:
        Table (legal_entity_id, fiscal_period_id), with the members UNMAPPED and ALL on both sides.
    """
    entities = deployment.reference["entities"].to_pylist()
    calendars = deployment.reference["calendars"].to_pylist()
    closed = {
        (row["legal_entity_id"], row["fiscal_year"], row["period_no"])
        for row in deployment.reference["period_status"].to_pylist()
        if row["status"] not in _OPEN
    }
    wanted = None if periods is None else set(periods)
    pairs: set[tuple[str, str]] = set()
    for entity in entities:
        for row in calendars:
            if row["calendar_id"] != entity["calendar_id"]:
                continue
            period = fiscal_period_id(row["calendar_id"], row["fiscal_year"], row["period_no"])
            is_closed = (entity["legal_entity_id"], row["fiscal_year"], row["period_no"]) in closed
            if everything or (not is_closed and (wanted is None or period in wanted)):
                pairs.add((entity["legal_entity_id"], period))
    names = [str(entity["legal_entity_id"]) for entity in entities]
    open_periods = {period for _, period in pairs}
    pairs |= {(name, member) for name in [*names, UNMAPPED, ALL] for member in (UNMAPPED, ALL)}
    pairs |= {(member, period) for member in (UNMAPPED, ALL) for period in open_periods}
    ordered = sorted(pairs)
    return pa.table(
        {"legal_entity_id": [pair[0] for pair in ordered], "fiscal_period_id": [pair[1] for pair in ordered]},
        schema=pa.schema([("legal_entity_id", pa.string()), ("fiscal_period_id", pa.string())]),
    )


def fact_fingerprint(deployment: Deployment, code: str) -> str:
    """Changes when facts that stand must be built anew: models, staging, contracts, mapping."""
    parts = {name: deployment.fingerprints[f"reference.{name}"] for name in _REMAPPING}
    parts["staging"] = deployment.fingerprints["staging"]
    parts["code"] = code
    parts["group_currency"] = deployment.group_currency
    for name, system in deployment.systems.items():
        declared = {
            key: {"fields": {f: s.type for f, s in spec.fields.items()}, "feeds": spec.feeds, "key": spec.key}
            for key, spec in system.objects.items()
        }
        parts[f"system.{name}"] = json.dumps(
            {"crosswalk": dict(system.crosswalk), "objects": declared}, sort_keys=True
        )
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def latency_hours(text: str) -> int:
    """Latency target in whole hours, rounded up: ``90 minutes`` -> 2."""
    number, unit = text.split()
    minutes = int(number) * {"m": 1, "h": 60, "d": 1440}[unit[0]]
    return -(-minutes // 60)


def empty_table(columns: Mapping[str, str]) -> pa.Table:
    """Typed table without rows; ``columns`` maps names to catalog types."""
    return pa.schema([pa.field(name, arrow_type(kind)) for name, kind in columns.items()]).empty_table()
