"""The register reads the marts of both engines and is published on both beside them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from finance_sync.catalog import load_deployment
from finance_sync.exceptions.life import FOUND
from finance_sync.exceptions.published import register_relations
from finance_sync.exceptions.rules import rules_of
from finance_sync.exceptions.sync import read_marts, sync
from finance_sync.operations import open_operations
from finance_sync.settings import PROJECT_ROOT, load_settings
from finance_sync.warehouse.engine import open_warehouse

TYPES = {"text": pa.string(), "amount": pa.decimal128(28, 4), "date": pa.date32()}


@pytest.mark.parametrize("engine", ["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_marts_come_in_exactly_and_the_register_goes_out(tmp_path: Path, engine: str) -> None:
    day = date(2026, 3, 1)
    settings = load_settings(
        home=tmp_path, engine=engine, as_of=day, deployment=PROJECT_ROOT / "tests" / "deployments" / "tiny"
    )
    schema = pa.schema(
        [("status" if name == "finding" else name, TYPES[kind]) for name, kind in FOUND.items()]
    )
    amount = Decimal("99999999999999999.9999")
    base = {field.name: None for field in schema} | {
        "exception_id": "0" * 32, "control_id": "C07", "legal_entity_id": "T1", "business_key": "A", "fiscal_period_id": "months:2026-P01",
        "status": "price", "reason_code": "price_differs", "owner": "accounts-payable", "amount_group": amount, "document_date": day,
        "message": 'a "quoted", text\nof two lines, \\N and ü',
    }  # fmt: skip
    rows = [
        base,
        base | {"exception_id": "1" * 32, "business_key": "B", "aspect": "price", "amount_group": None},
    ]
    warehouse = open_warehouse(settings)
    try:
        warehouse.load("marts", "mart_exceptions", pa.Table.from_pylist(rows, schema=schema))
        text = pa.schema([("control_id", pa.string()), ("status", pa.string())])
        verdicts = [
            {"control_id": "C07", "status": "failed"},
            {"control_id": "C26", "status": "not_applicable"},
        ]
        warehouse.load("marts", "mart_control_results", pa.Table.from_pylist(verdicts, schema=text))
        scope = pa.table({"legal_entity_id": ["T1"], "fiscal_period_id": ["months:2026-P01"]})
        warehouse.load("meta", "build_scope", scope)
        warehouse.load("state", "build", pa.table({"key": ["reconciled_built"], "value": ["b1"]}))
        listed = read_marts(warehouse)
        assert (listed.generation, listed.not_applicable, listed.judged.rows()) == (
            "b1", {"C26"}, [("T1", "months:2026-P01")],
        )  # fmt: skip
        operations = open_operations(settings)
        assert operations is not None
        now = datetime(2026, 3, 1, tzinfo=UTC)
        rules = rules_of(settings, load_deployment(settings), now)
        done = sync(operations, listed, rules, run_id="r1", business_date=day, now=now)
        assert (done.counts, done.live) == ({"opened": 2}, 2)
        for item in register_relations(settings):
            warehouse.load("register", item.name, item.read())
        found = pl.DataFrame(
            pl.from_arrow(warehouse.query("select * from register.exception_register order by exception_id"))
        )
        assert found["amount_group"].cast(pl.Decimal(28, 4)).to_list() == [amount, None]
        assert found["aspect"].to_list() == ["", "price"]
        assert found["message"].to_list() == [base["message"]] * 2
        assert found["document_date"].to_list() == [day, day]
        assert found["severity"].to_list() == ["critical", "low"]
        assert warehouse.query("select count(*) as n from register.exception_history").to_pylist() == [
            {"n": 2}
        ]
    finally:
        warehouse.close()
