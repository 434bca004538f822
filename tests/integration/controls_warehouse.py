"""A small warehouse made by hand: the tables that the suites judge, with rows that a test chooses.

Belongs here: DDL and rows, the same on DuckDB and Postgres. Does not: assertions.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg2

from finance_sync.catalog.product import canonical_objects, controls
from finance_sync.catalog.types import sql_type
from finance_sync.controls import ConnectionInfo
from finance_sync.controls.generate import MART_GRAINS, MART_VALUES

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
    "feed": {
        "canonical_object": "varchar",
        "system": "varchar",
        "object": "varchar",
        "staging_model": "varchar",
    },
    "run": {"deployment": "varchar", "group_currency": "varchar"},
}
OLD_BATCH, NEW_BATCH = "000001-aaaaaaaaaaaa", "000002-bbbbbbbbbbbb"


class HandMadeWarehouse:
    """Every table of the suites, well-formed: one matched row per control, one sound row per canonical object."""

    def __init__(self, info: ConnectionInfo) -> None:
        self.info = info
        statements: list[str] = []
        for schema in ("meta", "reconciled", "canonical", "marts"):
            statements += [f"drop schema if exists {schema} cascade", f"create schema {schema}"]
        statements += [create(f"meta.{name}", columns) for name, columns in META.items()]
        statements.append(insert("meta.run", {"deployment": "demo", "group_currency": "EUR"}))
        statements += [
            insert("meta.batch", {"batch_id": batch, "is_new": True}) for batch in (OLD_BATCH, NEW_BATCH)
        ]
        for control in controls().values():
            statements += [
                insert("meta.applicability", {"control_id": control.id, "is_applicable": True}),
                create(f"reconciled.{control.model}", REC_COLUMNS),
                insert(f"reconciled.{control.model}", matched(control.id)),
            ]
        for item in canonical_objects().values():
            statements += [
                insert("meta.feed", {"canonical_object": item.name, "system": "erp"}),
                create(
                    f"canonical.{item.model}", {column.name: sql_type(column.type) for column in item.columns}
                ),
                insert(f"canonical.{item.model}", canonical_row(item.name, "K1")),
            ]
        for mart, grain in MART_GRAINS.items():
            columns = {
                **dict.fromkeys(grain, "varchar"),
                **dict.fromkeys(MART_VALUES.get(mart, {}), "varchar"),
            }
            statements.append(create(f"marts.{mart}", columns))
        self.run(*statements)

    def insert(self, table: str, *rows: Mapping[str, Any]) -> None:
        self.run(*(insert(table, row) for row in rows))

    def run(self, *statements: str) -> None:
        if self.info.engine == "duckdb":
            with duckdb.connect(self.info.path, config=dict(self.info.config)) as connection:
                for statement in statements:
                    connection.execute(statement)
        else:
            with psycopg2.connect(self.info.dsn) as server, server.cursor() as cursor:
                cursor.execute(";".join(statements))
            server.close()


def create(table: str, columns: Mapping[str, str]) -> str:
    return f"create table {table} ({', '.join(f'{name} {kind}' for name, kind in columns.items())})"


def insert(table: str, row: Mapping[str, Any]) -> str:
    return f"insert into {table} ({', '.join(row)}) values ({', '.join(map(literal, row.values()))})"


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
            filler = {
                "integer": 1,
                "boolean": False,
                "date": "2026-01-31",
                "timestamp": "2026-01-31 00:00:00",
            }
            row[column.name] = column.values[0] if column.values else filler.get(column.type, "1")
    row |= dict.fromkeys(item.key, key)
    if item.kind == "fact":
        row["batch_id"] = NEW_BATCH
    return {**row, **others}
