"""The register reads the marts of both engines and is published on both beside them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from finance_sync.catalog import load_deployment
from finance_sync.exceptions.dispositions import Disposition
from finance_sync.exceptions.history import Act
from finance_sync.exceptions.life import FOUND
from finance_sync.exceptions.published import register_relations
from finance_sync.exceptions.rules import rules_of
from finance_sync.exceptions.sync import read_marts, sync
from finance_sync.exceptions.work import Filter, work
from finance_sync.operations import open_operations
from finance_sync.settings import PROJECT_ROOT, load_settings
from finance_sync.warehouse.engine import open_warehouse
from finance_sync.warehouse.project import Prepared
from finance_sync.warehouse.publish import Publication, publish, read_published

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
    finally:
        warehouse.close()

    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"nodes": {}}))

    def published() -> Publication:
        prepared = Prepared(tmp_path, manifest, "models")
        return publish(settings, load_deployment(settings), prepared, register_relations(settings))

    first = published()
    assert first.tables == {"exception_register": 2, "exception_history": 2, "exception_run": 1}
    found = read_published(settings, "select * from exception_register order by exception_id").to_pylist()
    assert [one["amount_group"] for one in found] == [amount, None]
    assert [one["aspect"] for one in found] == ["", "price"]
    assert [one["message"] for one in found] == [base["message"]] * 2
    assert [one["document_date"] for one in found] == [day, day]
    assert [one["severity"] for one in found] == ["critical", "low"]
    # The same night again moves no byte; what a person says is in the next publication.
    assert sync(operations, listed, rules, run_id="r2", business_date=day, now=now).counts == {}
    assert (published().unchanged, published().version) == (True, first.version)
    act = Act("ada", now, day)
    work(operations, Filter(control=["C07"]), Disposition("assign", assignee="bob"), act, {"": day})
    assert not published().unchanged
    told = "select r.status, h.actor from exception_register as r inner join exception_history as h using (exception_id) where h.seq > 2"
    assert read_published(settings, told).to_pylist() == [{"status": "assigned", "actor": "ada"}] * 2
    operations.close()
