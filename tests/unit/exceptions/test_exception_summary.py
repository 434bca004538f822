"""The overview of exceptions adds up, exactly, and names every control."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from finance_sync.catalog.product import controls
from finance_sync.exceptions import ExceptionSummary, summarise

LARGEST = Decimal("99999999999999.9900")


@pytest.fixture
def marts() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("create schema marts")
    connection.execute(
        "create table marts.mart_exceptions (control_id text, severity text, owner text, amount_group numeric(18,4))"
    )
    connection.execute(
        "create table marts.mart_control_results (control_id text, legal_entity_id text, rows_compared int, rows_failed int)"
    )
    return connection


def summary_of(connection: duckdb.DuckDBPyConnection) -> ExceptionSummary:
    def query(sql: str) -> pa.Table:
        return connection.sql(sql).to_arrow_table()

    return summarise(query)


def fill(connection: duckdb.DuckDBPyConnection, *rows: tuple[Any, ...]) -> None:
    connection.executemany(
        "insert into marts.mart_exceptions values (?, ?, ?, ?)", [list(row) for row in rows]
    )


def test_counts_and_amounts_by_control_severity_and_owner(marts: duckdb.DuckDBPyConnection) -> None:
    fill(
        marts,
        ("C07", "critical", "accounts-payable", LARGEST),
        ("C07", "critical", "accounts-payable", LARGEST),
        ("C07", "low", "accounts-payable", None),
        ("C18", "medium", "master-data", Decimal("-1500.0001")),
        ("C99", "unheard of", "nobody", Decimal(1)),
    )
    marts.execute(
        "insert into marts.mart_control_results values ('C07', 'E1', 10, 2), ('C07', 'E2', 5, 1), ('C22', 'ALL', 4, 0)"
    )
    summary = summary_of(marts)

    assert (summary.total.exceptions, summary.total.without_amount) == (5, 1)
    assert summary.total.amount_group == LARGEST * 2 + Decimal("1501.0001")
    assert [line.control_id for line in summary.by_control] == [*controls(), "C99"]
    lines = {line.control_id: line for line in summary.by_control}
    match = lines["C07"]
    assert (match.rows_compared, match.rows_failed, match.exceptions) == (15, 3, 3)
    assert (match.amount_group, match.worst, match.name) == (LARGEST * 2, "critical", "Three-way match")
    assert (lines["C22"].rows_compared, lines["C22"].exceptions, lines["C22"].worst) == (4, 0, "")
    assert lines["C99"].name == "C99"
    assert [(line.key, line.exceptions) for line in summary.by_severity] == [
        ("unheard of", 1), ("critical", 2), ("medium", 1), ("low", 1),
    ]  # fmt: skip
    assert [(line.key, line.amount_group) for line in summary.by_owner] == [
        ("accounts-payable", LARGEST * 2), ("master-data", Decimal("1500.0001")), ("nobody", Decimal(1)),
    ]  # fmt: skip


def test_without_exceptions_every_control_still_has_its_line(marts: duckdb.DuckDBPyConnection) -> None:
    summary = summary_of(marts)
    assert (summary.total.exceptions, summary.total.amount_group) == (0, Decimal(0))
    assert [line.control_id for line in summary.by_control] == list(controls())
    assert (summary.by_severity, summary.by_owner) == ((), ())
