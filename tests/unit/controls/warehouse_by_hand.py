"""A small warehouse made by hand: the tables that the suites judge, with rows that a test chooses.

Belongs here: DDL and rows, the same on DuckDB and Postgres. Does not: assertions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy

from finance_sync.catalog.product import canonical_objects, controls
from finance_sync.catalog.types import sql_type
from finance_sync.controls import ConnectionInfo
from finance_sync.controls.connection import create_engine
from finance_sync.controls.generate import MART_GRAINS

REC_COLUMNS = {
    "control_id": "varchar", "legal_entity_id": "varchar", "fiscal_period_id": "varchar", "status": "varchar",
    "reason_code": "varchar", "aspect": "varchar", "business_key": "varchar", "row_count": "integer",
    "left_system": "varchar", "right_system": "varchar", "left_value": "varchar", "right_value": "varchar",
    "left_amount": "numeric(18,4)", "right_amount": "numeric(18,4)", "difference_amount": "numeric(18,4)",
    "currency_code": "varchar", "amount_functional": "numeric(18,4)", "amount_group": "numeric(18,4)",
    "quantity_difference": "numeric(18,4)", "supplier_id": "varchar", "account_id": "varchar",
    "cost_center_id": "varchar", "document_date": "date", "message": "varchar",
}  # fmt: skip
META = {
    "applicability": {"control_id": "varchar", "is_applicable": "boolean", "reason": "varchar"},
    "batch": {"system": "varchar", "object": "varchar", "batch_id": "varchar", "is_new": "boolean"},
    "feed": {"canonical_object": "varchar", "system": "varchar", "object": "varchar", "staging_model": "varchar"},
    "run": {"deployment": "varchar", "group_currency": "varchar"},
}
OLD_BATCH, NEW_BATCH = "000001-aaaaaaaaaaaa", "000002-bbbbbbbbbbbb"


class HandMadeWarehouse:
    """Every table of the suites, well-formed: one matched row per control, one sound row per canonical fact."""

    def __init__(self, info: ConnectionInfo) -> None:
        writable = ConnectionInfo(engine=info.engine, path=info.path, dsn=info.dsn, read_only=False, config=info.config)
        self.info = info
        self._url, self._options = writable, writable.engine_options()
        for schema in ("meta", "reconciled", "canonical", "marts"):
            self.run(f"drop schema if exists {schema} cascade", f"create schema {schema}")
        for name, columns in META.items():
            self.create("meta", name, columns)
        self.insert("meta", "run", [{"deployment": "demo", "group_currency": "EUR"}])
        self.insert("meta", "batch", [{"batch_id": OLD_BATCH, "is_new": True}, {"batch_id": NEW_BATCH, "is_new": True}])
        for control in controls().values():
            self.insert("meta", "applicability", [{"control_id": control.id, "is_applicable": True}])
            self.create("reconciled", control.model, REC_COLUMNS)
            self.insert("reconciled", control.model, [matched(control.id)])
        for item in canonical_objects().values():
            self.insert("meta", "feed", [{"canonical_object": item.name, "system": "erp"}])
            self.create("canonical", item.model, {column.name: sql_type(column.type) for column in item.columns})
            self.insert("canonical", item.model, [canonical_row(item.name, "K1")])
        for mart, grain in MART_GRAINS.items():
            self.create("marts", mart, dict.fromkeys((*grain, "severity", "status"), "varchar"))

    def create(self, schema: str, name: str, columns: Mapping[str, str]) -> None:
        body = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
        self.run(f"create table {schema}.{name} ({body})")

    def insert(self, schema: str, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        for row in rows:
            columns = ", ".join(f'"{column}"' for column in row)
            self.run(f"insert into {schema}.{name} ({columns}) values ({', '.join(map(literal, row.values()))})")

    def run(self, *statements: str) -> None:
        engine = create_engine(self._url)
        if self.info.engine == "postgres":
            engine = sqlalchemy.create_engine(self.info.url())
        with engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
            connection.commit()
        engine.dispose()


def literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool | int | Decimal):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


def duckdb_info(folder: Path) -> ConnectionInfo:
    return ConnectionInfo(engine="duckdb", path=str(folder / "warehouse.duckdb"), config={"threads": "2"})


def matched(control_id: str, count: int = 5) -> dict[str, Any]:
    return {
        "control_id": control_id, "legal_entity_id": "E1", "fiscal_period_id": "CAL:2026-P01", "status": "matched",
        "row_count": count,
    }  # fmt: skip


def failing(control_id: str, key: str, amount: Decimal | None, **others: Any) -> dict[str, Any]:
    reason, meaning = next(iter(controls()[control_id].reasons.items()))
    return {
        **matched(control_id, 1), "status": meaning.status, "reason_code": reason, "business_key": key, "aspect": "a",
        "left_system": "procurement", "right_system": "ledger", "left_value": "1", "right_value": "2",
        "left_amount": amount, "amount_group": amount, "currency_code": "EUR", "message": f"differs on {key}", **others,
    }  # fmt: skip


def canonical_row(name: str, key: str, **others: Any) -> dict[str, Any]:
    """A sound row: every required column filled, every closed list kept."""
    item = canonical_objects()[name]
    row: dict[str, Any] = {}
    for column in item.columns:
        if column.required:
            filler = {"integer": 1, "boolean": False, "date": "2026-01-31", "timestamp": "2026-01-31 00:00:00"}
            row[column.name] = column.values[0] if column.values else filler.get(column.type, "1")
    row |= dict.fromkeys(item.key, key)
    if item.kind == "fact":
        row["batch_id"] = NEW_BATCH
    return {**row, **others}
