"""Both engines keep every digit, replace and append whole tables, and roll back what fails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from finance_sync.errors import WarehouseError
from finance_sync.settings import load_settings
from finance_sync.warehouse.engine import (
    DamagedWarehouseError,
    PostgresWarehouse,
    Warehouse,
    open_warehouse,
    sql_type,
)

TABLE = pa.table(
    {
        "amount": pa.array([Decimal("99999999999999.9900"), None, Decimal("-0.0001")], pa.decimal128(18, 4)),
        "rate": pa.array([Decimal("1.0000000001"), Decimal("0.0000000000"), None], pa.decimal128(18, 10)),
        "name": pa.array(["Söhne & Co", None, ""], pa.string()),
        "day": pa.array([date(2026, 2, 28), None, date(1999, 12, 31)], pa.date32()),
        "at": pa.array(
            [datetime(2026, 2, 28, 23, 59, 59, 999999), None, datetime(1970, 1, 1)], pa.timestamp("us")
        ),
        "n": pa.array([1, None, -1], pa.int64()),
        "yes": pa.array([True, None, False], pa.bool_()),
    }
)


@pytest.fixture(params=["duckdb", "postgres"])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Warehouse]:
    settings = load_settings(home=tmp_path, engine=request.param)
    opened = open_warehouse(settings)
    yield opened
    opened.close()


def rows(table: pa.Table) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in table.to_pylist()]


def test_exact_round_trip_and_append(warehouse: Warehouse) -> None:
    warehouse.load("meta", "money", TABLE)
    back = warehouse.query("select * from meta.money")
    assert sorted(rows(back), key=str) == sorted(rows(TABLE), key=str)
    assert pa.types.is_decimal(back.schema.field("amount").type)

    warehouse.load("meta", "money", TABLE, append=True)
    total = warehouse.query("select count(*) as n, sum(amount) as amount from meta.money").to_pylist()[0]
    assert (total["n"], total["amount"]) == (6, Decimal("199999999999999.9798"))

    warehouse.load("meta", "money", TABLE.slice(0, 0))
    assert warehouse.query("select * from meta.money").num_rows == 0


def test_a_failing_statement_changes_nothing(warehouse: Warehouse) -> None:
    warehouse.load("meta", "money", TABLE)
    with pytest.raises(Exception, match="nowhere"):
        warehouse.execute("delete from meta.money; select * from meta.nowhere")
    assert warehouse.query("select count(*) as n from meta.money")["n"][0].as_py() == 3


def test_names_are_checked(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError, match="no plain SQL name"):
        warehouse.load("meta", 'x"; drop schema meta; --', TABLE)


def test_a_batch_and_its_record_are_one(tmp_path: Path) -> None:
    server = open_warehouse(load_settings(home=tmp_path, engine="postgres"))
    assert isinstance(server, PostgresWarehouse)
    server.load("state", "loaded", pa.table({"batch": pa.array([], pa.string())}))
    server.ensure_columns(
        "raw",
        "ledger__lines",
        {**{field.name: sql_type(field.type) for field in TABLE.schema}, "_row_hash": "varchar"},
    )
    with pytest.raises(Exception, match="nowhere"):
        server.load_batch("raw", "ledger__lines", TABLE, "insert into state.nowhere values (1)")
    assert server.query("select count(*) as n from raw.ledger__lines")["n"][0].as_py() == 0
    server.load_batch("raw", "ledger__lines", TABLE, "insert into state.loaded values ('b1')")
    server.ensure_columns("raw", "ledger__lines", {"_extra_note": "varchar"})
    wider = TABLE.append_column("_extra_note", pa.array(["a", "b", None], pa.string()))
    server.load_batch("raw", "ledger__lines", wider, "insert into state.loaded values ('b2')")
    counted = server.query(
        "select count(*) as n, count(_extra_note) as notes, sum(amount) as amount from raw.ledger__lines"
    )
    assert counted.to_pylist() == [{"n": 6, "notes": 2, "amount": Decimal("199999999999999.9798")}]
    server.close()


def test_unreachable_server_and_damaged_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match=r"127\.0\.0\.1.*cannot be reached") as caught:
        open_warehouse(
            load_settings(
                home=tmp_path, engine="postgres", postgres_dsn="postgresql://me:topsecret@127.0.0.1:1/books"
            )
        )
    assert "topsecret" not in str(caught.value)
    settings = load_settings(home=tmp_path)
    settings.warehouse_path.parent.mkdir(parents=True)
    settings.warehouse_path.write_bytes(b"this is no database" * 400)
    with pytest.raises(DamagedWarehouseError, match=r"warehouse\.duckdb"):
        open_warehouse(settings)
