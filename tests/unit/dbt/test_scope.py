"""Reconciled models and marts follow the fiscal period: what is not rebuilt does not move, what is gone goes. On both engines."""

from __future__ import annotations

import calendar
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from finance_sync.catalog.product import controls
from tests.unit.dbt.harness import Harness

pytestmark = pytest.mark.slow
D = Decimal
TABLES = {
    "reconciled.int_actual": "fiscal_period_id, account_id, cost_center_id",
    "reconciled.int_budget_line": "fiscal_period_id, line_key, sequence_no",
    "reconciled.fct_commitment_movement": "record_key",
    "reconciled.int_commitment_line": "record_key",
    "reconciled.int_order_line": "record_key",
    "reconciled.int_cell_period": "cell_id, fiscal_period_id",
    **{
        f"reconciled.{c.model}": "fiscal_period_id, status, business_key, aspect" for c in controls().values()
    },
    "marts.mart_commitment_vs_actual": "cell_id, fiscal_period_id",
    "marts.mart_budget_vs_actual": "cell_id, fiscal_period_id",
    "marts.mart_open_commitments": "record_key",
    "marts.mart_commitment_movement": "commitment_kind, record_key, movement_on, movement_type, document_key, sequence_no",
    "marts.mart_order_line": "record_key",
    "marts.mart_ledger_balance": "fiscal_period_id, account_id, cost_center_id",
    "marts.mart_control_results": "control_id, legal_entity_id, fiscal_period_id",
    "marts.mart_exceptions": "exception_id",
}


def line(key: str, account: str, amount: str, day: str, **changes: Any) -> dict[str, Any]:
    number, no = key.split("|")
    return {
        "source_key": key, "entity_code": "E1", "cost_center_code": "K1", "account_code": account, "journal_no": number, "line_no": int(no),
        "posting_date": day, "source_document_type": "manual", "currency_code": "EUR", "amount_txn": D(amount),
        "amount_functional": D(amount), **changes,
    }  # fmt: skip


def order(key: str, day: str, **changes: Any) -> dict[str, Any]:
    number, no = key.split("|")
    return {
        "source_key": key, "entity_code": "E1", "cost_center_code": "K1", "account_code": "5000", "order_no": number, "line_no": int(no),
        "line_type": "quantity", "line_status": "issued", "order_date": day, "currency_code": "EUR", "quantity": 10, "unit_price": 10,
        "amount_net_txn": D(100), **changes,
    }  # fmt: skip


def receipt(key: str, order_no: str, quantity: int, day: str, **changes: Any) -> dict[str, Any]:
    number, no = key.split("|")
    return {
        "source_key": key, "entity_code": "E1", "receipt_no": number, "line_no": int(no), "line_status": "posted", "posting_date": day,
        "order_no": order_no, "order_line_no": 1, "quantity": quantity, **changes,
    }  # fmt: skip


def invoice(key: str, order_no: str, quantity: int, net: str, day: str, **changes: Any) -> dict[str, Any]:
    number, no = key.split("|")
    return {
        "source_key": key, "entity_code": "E1", "cost_center_code": "K1", "account_code": "5000", "invoice_no": number, "line_no": int(no),
        "document_type": "invoice", "line_status": "approved", "invoice_date": day, "posting_date": day, "order_no": order_no,
        "order_line_no": 1, "quantity": quantity, "unit_price": D(net) / quantity, "currency_code": "EUR", "amount_net_txn": D(net), **changes,
    }  # fmt: skip


@pytest.fixture(scope="module")
def built(needs_engine: str, tmp_path_factory: pytest.TempPathFactory) -> Harness:
    harness = Harness(tmp_path_factory.mktemp(f"scope_{needs_engine}"), needs_engine)
    harness.as_of = date(2024, 3, 31)
    harness.insert(
        "reference",
        "entities",
        [{"legal_entity_id": "E1", "name": "One", "functional_currency": "EUR", "calendar_id": "M"}],
    )
    harness.insert("reference", "calendars", [
        {"calendar_id": "M", "fiscal_year": 2024, "period_no": p, "period_name": f"P{p}", "starts_on": f"2024-{p:02d}-01",
         "ends_on": f"2024-{p:02d}-{calendar.monthrange(2024, p)[1]}", "kind": "normal"} for p in range(1, 5)
    ])  # fmt: skip
    harness.insert("reference", "currency", [{"currency_code": "EUR", "minor_units": 2, "name": "Euro"}])
    harness.insert(
        "reference", "policies", [{"policy": "relief_point", "value": "receipt", "valid_from": "2020-01-01"}]
    )
    table = controls().values()
    harness.insert("meta", "control", [
        {"control_id": c.id, "name": c.name, "area": c.area, "owner": c.owner, "left_system": c.left.system, "right_system": c.right.system,
         "is_blocking": c.blocking, "absolute_functional": c.tolerance.absolute_functional, "percent": c.tolerance.percent,
         "lag_days": c.tolerance.lag_days} for c in table
    ])  # fmt: skip
    harness.insert("meta", "control_reason", [
        {"control_id": c.id, "reason_code": code, "status": reason.status, "text": reason.text} for c in table for code, reason in c.reasons.items()
    ])  # fmt: skip
    harness.insert("meta", "control_severity", [
        {"control_id": c.id, "amount_from": s.from_amount, "severity": s.severity, "deadline_days": s.days} for c in table for s in c.severities
    ])  # fmt: skip
    harness.insert(
        "meta",
        "applicability",
        [{"control_id": c.id, "is_applicable": c.id not in {"C22", "C26"}} for c in table],
    )
    for name in ("account", "cost_center"):
        harness.feed("erp", name)
    for name in ("journal_line", "purchase_order_line", "receipt_line", "invoice_line", "budget_line"):
        harness.feed("erp", name)
    harness.land("erp", "account", 1, [
        {"source_key": c, "account_code": c, "account_name": c, "account_type": t} for c, t in [("5000", "expense"), ("2000", "liability")]
    ], dimension=True)  # fmt: skip
    harness.land(
        "erp",
        "cost_center",
        1,
        [{"source_key": "K1", "cost_center_code": "K1", "cost_center_name": "One"}],
        dimension=True,
    )
    harness.land("erp", "budget_line", 1, [
        {"source_key": "B1", "entity_code": "E1", "cost_center_code": "K1", "account_code": "5000", "version_code": "V", "version_kind": "original",
         "version_status": "approved", "currency_code": "EUR", "amount_txn": D(1200), "fiscal_year": 2024},
    ])  # fmt: skip
    harness.land("erp", "journal_line", 1, [
        line("J1|1", "5000", "400", "2024-01-15"), line("J1|2", "2000", "-400", "2024-01-15"),
        line("J2|1", "5000", "50", "2024-02-15"), line("J2|2", "2000", "-49", "2024-02-15"),
    ])  # fmt: skip
    harness.land("erp", "purchase_order_line", 1, [
        order("PO1|1", "2024-01-10"), order("PO2|1", "2024-01-11"), order("PO3|1", "2024-02-10"), order("PO4|1", "2024-02-11", line_status="approved"),
    ])  # fmt: skip
    harness.land("erp", "receipt_line", 1, [
        receipt("R1|1", "PO1", 4, "2024-01-20"), receipt("R2|1", "PO2", 12, "2024-01-21"), receipt("R3|1", "PO3", 11, "2024-02-20"),
    ])  # fmt: skip
    harness.land("erp", "invoice_line", 1, [invoice("I1|1", "PO1", 4, "48", "2024-02-05")])
    harness.scope_everything()
    harness.parse()
    harness.dbt("build", "--exclude-resource-type", "unit_test")
    return harness


def contents(harness: Harness) -> dict[str, list[tuple[Any, ...]]]:
    return {table: sorted(harness.rows(table), key=str) for table in TABLES}


def exceptions(harness: Harness) -> set[tuple[str, ...]]:
    return set(
        harness.rows("marts.mart_exceptions", "control_id, fiscal_period_id, reason_code, business_key")
    )


def test_life_of_periods(built: Harness) -> None:
    first = {
        ("C02", "M:2024-P02", "journal_unbalanced", "erp|J2"),
        ("C07", "M:2024-P01", "over_receipt", "erp|PO2|1"),
        ("C07", "M:2024-P02", "over_receipt", "erp|PO3|1"),
        ("C07", "M:2024-P02", "price_differs", "erp|PO1|1"),
        ("C09", "M:2024-P02", "not_posted", "erp|I1"),
        ("C25", "M:2024-P01", "over_budget", "K1|5000|NONE|NONE|NONE|NONE|NONE|NONE|NONE|M:2024-P01"),
    }
    assert exceptions(built) == first
    balance = {r[0]: r[1:] for r in built.rows(
        "marts.mart_commitment_vs_actual", "fiscal_period_id, encumbrance_opening_functional, encumbrance_closing_functional, funds_available_functional"
    )}  # fmt: skip
    assert balance["M:2024-P01"] == (D(0), D(60), D(300 - 400 - 60))
    assert balance["M:2024-P02"] == (D(60), D(160), D(600 - 450 - 160))
    assert balance["M:2024-P03"] == (D(160), D(160), D(900 - 450 - 160))

    # nothing new: no row changes, on the first period's closing either
    everything = contents(built)
    built.nothing_new()
    built.dbt("build", "--exclude-resource-type", "unit_test")
    assert contents(built) == everything

    # January is certified. What comes for it later stands in the facts and moves no figure of it; February moves.
    built.engine.execute("delete from meta.build_scope where fiscal_period_id = 'M:2024-P01'")
    built.land("erp", "journal_line", 2, [
        line("J1|1", "5000", "999", "2024-01-15"), line("J2|2", "2000", "-50", "2024-02-15"), line("J3|1", "5000", "7", "2024-02-20"),
        line("J3|2", "2000", "-7", "2024-02-20"),
    ])  # fmt: skip
    built.land("erp", "receipt_line", 2, [
        receipt("R2|2", "PO2", -3, "2024-02-22"), receipt("R3|1", "PO3", 11, "2024-02-20", line_status="cancelled"),
        receipt("R1|2", "PO1", 6, "2024-03-02"),
    ])  # fmt: skip
    built.land("erp", "purchase_order_line", 2, [order("PO4|1", "2024-02-11", line_status="draft")])
    # 60 more for January, approved after it was closed: they count in February
    built.land("erp", "budget_line", 2, [
        {"source_key": "B2", "entity_code": "E1", "cost_center_code": "K1", "account_code": "5000", "version_code": "A1", "version_kind": "adjustment",
         "version_status": "approved", "currency_code": "EUR", "amount_txn": D(60), "fiscal_year": 2024, "period_no": 1},
    ])  # fmt: skip
    built.dbt("build", "--exclude-resource-type", "unit_test")
    assert exceptions(built) == {row for row in first if row[0] != "C02" and row[3] != "erp|PO3|1"}, (
        "the balanced journal and the cancelled receipt's exception are gone; January's stand"
    )
    now = contents(built)
    for table in ("int_actual", "int_cell_period", "rec_c02", "rec_c07", "rec_c25"):
        name = f"reconciled.{table}"
        january = [row for row in now[name] if "M:2024-P01" in row]
        assert january == [row for row in everything[name] if "M:2024-P01" in row], name
    orders = {
        r[0]: r[1:]
        for r in built.rows(
            "marts.mart_order_line", "order_no, quantity_received, amount_open_txn, fiscal_period_id"
        )
    }
    assert orders == {
        "PO1": (D(10), D(0), "M:2024-P03"), "PO2": (D(9), D(10), "M:2024-P02"), "PO3": (D(0), D(100), "M:2024-P02"),
        "PO4": (D(0), D(0), "M:2024-P02"),
    }, "a line of January with a document of February has one row, its new one"  # fmt: skip
    balance = {r[0]: r[1:] for r in built.rows(
        "marts.mart_commitment_vs_actual", "fiscal_period_id, encumbrance_opening_functional, encumbrance_closing_functional, ytd_actual_functional"
    )}  # fmt: skip
    assert balance["M:2024-P01"] == (D(0), D(60), D(400))
    assert balance["M:2024-P02"] == (D(60), D(170), D(457)), "what was before a rebuilt period is its opening"
    assert balance["M:2024-P03"] == (D(170), D(110), D(457))
    assert len(built.rows("marts.mart_open_commitments", "record_key")) == 2
    budget = {r[0]: r[1:] for r in built.rows(
        "marts.mart_commitment_vs_actual", "fiscal_period_id, budget_functional, ytd_budget_functional"
    )}  # fmt: skip
    assert [budget[f"M:2024-P0{n}"] for n in (1, 2, 3)] == [
        (D(300), D(300)),
        (D(360), D(660)),
        (D(300), D(960)),
    ]
    assert ("late", D(60), "M:2024-P02") in built.rows(
        "marts.mart_budget_line", "reason, amount_functional, fiscal_period_id"
    )

    # January is opened again: now its change counts, and everything equals a build from nothing
    built.scope_everything()
    built.nothing_new()
    built.dbt("build", "--exclude-resource-type", "unit_test")
    incremental = contents(built)
    assert ("C02", "M:2024-P01", "journal_unbalanced", "erp|J1") in exceptions(built)
    built.dbt(
        "build",
        "--full-refresh",
        "--exclude-resource-type",
        "unit_test",
        "--select",
        "fqn:finance_sync.reconciled",
        "fqn:finance_sync.marts",
    )
    rebuilt = contents(built)
    assert {table for table in TABLES if rebuilt[table] != incremental[table]} == set()
