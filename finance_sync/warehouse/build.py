"""One build of the warehouse: what landed becomes canonical, reconciled and marts.

State (schema ``state`` in the warehouse itself, so that it goes with it): which batches stand in the canonical models, with
which code and mapping they were built, whether the reconciled models were ever finished. A killed build leaves its batches
unmarked, and the next one does them again; every step is idempotent.

Belongs here: the order of the steps and the state. Does not: what the steps are (scope, meta, project).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from finance_sync.catalog.loader import Deployment
from finance_sync.landing import Batch, list_batches
from finance_sync.landing import tables as landed_tables
from finance_sync.settings import Settings
from finance_sync.warehouse.engine import (
    DamagedWarehouseError,
    PostgresWarehouse,
    Warehouse,
    open_warehouse,
    set_aside,
)
from finance_sync.warehouse.inputs import canonical_inputs, reconciled_inputs
from finance_sync.warehouse.meta import catalog_tables, mark_new
from finance_sync.warehouse.project import (
    ModelResult,
    Prepared,
    code_fingerprint,
    prepare,
    release_duckdb,
    run_dbt,
)
from finance_sync.warehouse.scope import (
    LandedScope,
    build_scope,
    fact_fingerprint,
    landed_scope,
    landed_variable,
)

_PROCESSED = pa.schema([("system", pa.string()), ("object", pa.string()), ("batch_id", pa.string())])
_LOADED = pa.schema([("table_name", pa.string()), ("batch_id", pa.string())])
_STATE = pa.schema([("key", pa.string()), ("value", pa.string())])


@dataclass(frozen=True)
class BuildResult:
    """What a build did.

    Attributes:
        models: every dbt node that ran, in order.
        new_batches: batches that the facts read.
        full_refresh: layers that were built from nothing, and why.
        unchanged: layers that stand as they are, since nothing that they are made of has changed.
        seconds: wall time by step.
    """

    models: tuple[ModelResult, ...]
    new_batches: int
    full_refresh: Mapping[str, str]
    seconds: Mapping[str, float] = field(default_factory=dict)
    unchanged: frozenset[str] = frozenset()

    @property
    def failed(self) -> tuple[ModelResult, ...]:
        """Nodes that failed or were skipped because of one that did."""
        return tuple(item for item in self.models if item.failed)


def build(
    settings: Settings,
    deployment: Deployment,
    *,
    layers: Sequence[str] = ("canonical", "reconciled"),
    periods: Iterable[str] | None = None,
    full_refresh: bool = False,
    prepared: Prepared | None = None,
    on_event: Callable[[ModelResult], None] | None = None,
) -> BuildResult:
    """Build layers of the warehouse from what has landed.

    Args:
        settings: engine and places.
        deployment: the deployment.
        layers: ``canonical`` (staging too), ``reconciled`` (marts too), or both in this order.
        periods: fiscal_period_ids to rebuild in the reconciled layer; default every open one.
        full_refresh: build everything anew, closed periods too.
        prepared: the parsed dbt project, when the caller has it.
        on_event: told of every dbt node as it ends.

    Returns:
        What was done. A failing model or test is in ``failed``; it does not raise.

    Raises:
        WarehouseError: the engine or dbt cannot work at all.
    """
    clock = _Clock()
    # Taken before anything is built: code that changes meanwhile must not pass for what the tables were built with.
    code = Code(_canonical_code(settings), _reconciled_code(settings))
    prepared = prepared or prepare(settings, deployment)
    clock.lap("parse")
    models: list[ModelResult] = []
    reasons: dict[str, str] = {}
    unchanged: set[str] = set()
    new_batches = 0
    asked = _Asked(settings, deployment, code, None if periods is None else tuple(periods), full_refresh)

    for layer in layers:
        warehouse = _open(settings)
        try:
            begin = _begin_canonical if layer == "canonical" else _begin_reconciled
            begun = begin(asked, warehouse, _State(warehouse))
        finally:
            warehouse.close()
        clock.lap(f"{layer}: load")
        if begun.unchanged:
            unchanged.add(layer)
            continue

        new_batches += begun.new_batches
        if begun.reason:
            reasons[layer] = begun.reason
        results = run_dbt(
            settings,
            prepared,
            layer=layer,
            variables=begun.variables,
            full_refresh=bool(begun.reason),
            on_result=on_event,
        )
        models += results
        if settings.engine == "duckdb":
            release_duckdb()
        clock.lap(f"{layer}: dbt")

        if any(item.failed for item in results):
            break
        warehouse = _open(settings)
        try:
            begun.finish(_State(warehouse))
        finally:
            warehouse.close()
        clock.lap(f"{layer}: state")

    return BuildResult(tuple(models), new_batches, reasons, clock.laps, frozenset(unchanged))


@dataclass(frozen=True)
class _Asked:
    """What a build was asked for."""

    settings: Settings
    deployment: Deployment
    code: Code
    periods: tuple[str, ...] | None
    full_refresh: bool


@dataclass(frozen=True)
class _Begun:
    """A layer with everything beside dbt's own tables in place.

    Attributes:
        reason: why it is built from nothing; empty when it is not.
        variables: for dbt.
        finish: notes the finished build in the warehouse's state.
        new_batches: batches that the facts read.
        unchanged: the layer stands as it is; nothing is to be built.
    """

    reason: str = ""
    variables: dict[str, Any] = field(default_factory=dict)
    finish: Callable[[_State], None] = lambda _: None
    new_batches: int = 0
    unchanged: bool = False


def _begin_canonical(asked: _Asked, warehouse: Warehouse, state: _State) -> _Begun:
    settings, deployment, code = asked.settings, asked.deployment, asked.code
    as_of = deployment.business_date(settings)
    reason = "asked for" if asked.full_refresh else state.why_full_canonical(deployment, code)
    scope = landed_scope(
        deployment, _all_batches(settings, deployment), state.processed(), everything=bool(reason)
    )
    _load_meta(warehouse, settings, deployment, as_of, scope, state.unreconciled())
    if not reason and state.stands(deployment, code, scope):
        return _Begun(unchanged=True)
    state.begin_canonical()
    landed = landed_variable(deployment, scope)
    if isinstance(warehouse, PostgresWarehouse):
        _load_raw(warehouse, landed, scope)
    return _Begun(
        reason,
        {"landed": landed, "as_of": as_of.isoformat()},
        lambda later: later.mark_canonical(deployment, code, scope),
        sum(len(part.batches) for part in scope.values() if not part.whole or reason),
    )


def _begin_reconciled(asked: _Asked, warehouse: Warehouse, state: _State) -> _Begun:
    settings, deployment, code, periods = asked.settings, asked.deployment, asked.code, asked.periods
    as_of = deployment.business_date(settings)
    reason = "asked for" if asked.full_refresh else state.why_full_reconciled(code)
    inputs = reconciled_inputs(settings, deployment, code.reconciled, as_of, state.generation("canonical"))
    if not reason and periods is None and state.is_made_of(inputs):
        return _Begun(unchanged=True)
    state.begin_reconciled()
    warehouse.load("meta", "build_scope", build_scope(deployment, periods, everything=bool(reason)))
    return _Begun(
        reason,
        {"as_of": as_of.isoformat()},
        lambda later: later.mark_reconciled(code, periods, inputs),
    )


@dataclass(frozen=True)
class Code:
    """Fingerprints of the models of both layers, as a build found them."""

    canonical: str
    reconciled: str


class _Clock:
    """Wall seconds by step."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = self.laps.get(name, 0.0) + now - self._last
        self._last = now


class _State:
    """What the warehouse knows of its own past."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        for name, schema in (
            ("processed_batch", _PROCESSED),
            ("unreconciled_batch", _PROCESSED),
            ("build", _STATE),
        ):
            if not warehouse.exists("state", name):
                warehouse.load("state", name, schema.empty_table())

    def processed(self) -> set[tuple[str, str, str]]:
        rows = self._warehouse.query("select system, object, batch_id from state.processed_batch").to_pylist()
        return {(row["system"], row["object"], row["batch_id"]) for row in rows}

    def unreconciled(self) -> set[tuple[str, str, str]]:
        """Batches in the canonical models that no finished build of the reconciled ones has seen."""
        rows = self._warehouse.query(
            "select system, object, batch_id from state.unreconciled_batch"
        ).to_pylist()
        return {(row["system"], row["object"], row["batch_id"]) for row in rows}

    def why_full_canonical(self, deployment: Deployment, code: Code) -> str:
        known = self._value("canonical")
        if known is None:
            return "first build"
        if known != fact_fingerprint(deployment, code.canonical):
            return "the models, the contracts or the mapping of codes changed"
        return ""

    def stands(
        self, deployment: Deployment, code: Code, scope: Mapping[tuple[str, str], LandedScope]
    ) -> bool:
        """Whether the canonical models are what this build would make: same batches, code and reference tables."""
        known = self.processed()
        return self._value("canonical_inputs") == canonical_inputs(deployment, code.canonical) and all(
            (system, name, batch.batch_id) in known
            for (system, name), part in scope.items()
            for batch in part.batches
        )

    def begin_canonical(self) -> None:
        """From here on the models may be half built."""
        self._set("canonical_inputs", "")
        self._set("canonical_built", "")

    def generation(self, layer: str) -> str:
        """Id of the build that the layer's models come from; empty while they may be half built."""
        return self._value(f"{layer}_built") or ""

    def is_made_of(self, inputs: str) -> bool:
        """Whether the reconciled models are what a build from these inputs would make."""
        return self._value("reconciled_inputs") == inputs

    def begin_reconciled(self) -> None:
        """From here on the models may be half built."""
        self._set("reconciled_inputs", "")
        self._set("reconciled_built", "")

    def why_full_reconciled(self, code: Code) -> str:
        known = self._value("reconciled")
        if known is None:
            return "first build"
        return "" if known == code.reconciled else "the models changed"

    def mark_canonical(
        self, deployment: Deployment, code: Code, scope: Mapping[tuple[str, str], LandedScope]
    ) -> None:
        known = self.processed()
        new = [
            (system, name, batch.batch_id)
            for (system, name), part in scope.items()
            for batch in part.batches
            if (system, name, batch.batch_id) not in known
        ]
        table = (
            pa.table([pa.array(column, pa.string()) for column in zip(*new, strict=True)], schema=_PROCESSED)
            if new
            else None
        )
        if table is not None:
            self._warehouse.load("state", "processed_batch", table, append=True)
            self._warehouse.load("state", "unreconciled_batch", table, append=True)
        self._set("canonical", fact_fingerprint(deployment, code.canonical))
        self._set("canonical_inputs", canonical_inputs(deployment, code.canonical))
        self._set("canonical_built", uuid4().hex)

    def mark_reconciled(self, code: Code, periods: Iterable[str] | None, inputs: str) -> None:
        if periods is None or self._value("reconciled") is not None:
            self._set("reconciled", code.reconciled)
        if periods is None:
            self._set("reconciled_inputs", inputs)
        self._set("reconciled_built", uuid4().hex)
        if periods is None and self.unreconciled():
            self._warehouse.load("state", "unreconciled_batch", _PROCESSED.empty_table())

    def _value(self, key: str) -> str | None:
        rows = self._warehouse.query(f"select value from state.build where key = '{key}'").to_pylist()
        return str(rows[0]["value"]) if rows else None

    def _set(self, key: str, value: str) -> None:
        rows = self._warehouse.query(f"select key, value from state.build where key <> '{key}'").cast(_STATE)
        table = pa.concat_tables([rows, pa.table({"key": [key], "value": [value]}, schema=_STATE)])
        if self._value(key) != value:
            self._warehouse.load("state", "build", table)


def built_generation(warehouse: Warehouse) -> str:
    """Id of the finished build that the marts come from; empty when there is none, or one was broken off."""
    if not warehouse.exists("state", "build"):
        return ""
    return _State(warehouse).generation("reconciled")


def _canonical_code(settings: Settings) -> str:
    return code_fingerprint(settings.dbt_package / "models" / "canonical", settings.dbt_package / "macros")


def _reconciled_code(settings: Settings) -> str:
    package = settings.dbt_package
    return code_fingerprint(
        package / "models" / "reconciled", package / "models" / "marts", package / "macros"
    )


def _open(settings: Settings) -> Warehouse:
    try:
        return open_warehouse(settings)
    except DamagedWarehouseError:
        set_aside(settings)
        return open_warehouse(settings)


def _all_batches(settings: Settings, deployment: Deployment) -> dict[tuple[str, str], list[Batch]]:
    return {
        (system, name): list_batches(settings, system, name)
        for system, declared in deployment.systems.items()
        for name in declared.objects
    }


def _load_meta(
    warehouse: Warehouse,
    settings: Settings,
    deployment: Deployment,
    as_of: date,
    scope: Mapping[tuple[str, str], LandedScope],
    unreconciled: set[tuple[str, str, str]],
) -> None:
    tables = catalog_tables(deployment, as_of)
    tables["batch"] = mark_new(landed_tables.batch_table(settings, deployment), scope, unreconciled)
    tables["batch_total"] = landed_tables.batch_total_table(settings, deployment)
    tables["check"] = landed_tables.check_table(settings, deployment)
    tables["check_total"] = landed_tables.check_total_table(settings, deployment)
    tables["rejected_record"] = landed_tables.rejected_table(settings, deployment)
    for name, table in tables.items():
        warehouse.load("meta", name, table)
    if not warehouse.exists("meta", "build_scope"):
        warehouse.load("meta", "build_scope", build_scope(deployment, None, everything=True))
    for name, table in deployment.reference.items():
        warehouse.load("reference", name, table)


def _load_raw(
    warehouse: PostgresWarehouse, landed: Mapping[str, Any], scope: Mapping[tuple[str, str], LandedScope]
) -> None:
    """Bring batches that are not there yet into ``raw``; the batch and its record go in one transaction."""
    if not warehouse.exists("state", "loaded_batch"):
        warehouse.load("state", "loaded_batch", _LOADED.empty_table())
    rows = warehouse.query("select table_name, batch_id from state.loaded_batch").to_pylist()
    loaded = {(row["table_name"], row["batch_id"]) for row in rows}
    for (system, name), part in scope.items():
        table_name = f"{system}__{name}"
        if part.batches:
            # Also without a new batch: the contract may have grown since.
            warehouse.ensure_columns("raw", table_name, landed[system][name]["columns"])
        for batch in part.batches:
            if (table_name, batch.batch_id) in loaded or not Path(batch.accepted_path).exists():
                continue
            table = pq.read_table(batch.accepted_path)
            record = f"insert into state.loaded_batch values ('{table_name}', '{batch.batch_id}')"
            warehouse.load_batch("raw", table_name, _plain(table), record)


def _plain(table: pa.Table) -> pa.Table:
    """Dictionary-coded columns as plain text, which the Postgres driver takes."""
    for index, column in enumerate(table.schema):
        if (
            pa.types.is_dictionary(column.type)
            or pa.types.is_large_string(column.type)
            or pa.types.is_string_view(column.type)
        ):
            table = table.set_column(index, column.name, table.column(index).cast(pa.string()))
    return table
