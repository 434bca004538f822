"""From landed rows to facts: mapping, periods, conversion, spread, latest version, and what settles later. On both engines."""

from __future__ import annotations

import calendar
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.dbt.harness import Harness

pytestmark = pytest.mark.slow
D = Decimal
FACTS = {
    "fct_budget_line": "line_key", "fct_requisition_line": "record_key", "fct_purchase_order_line": "record_key",
    "fct_receipt_line": "record_key", "fct_invoice_line": "record_key", "fct_journal_line": "record_key", "fct_ledger_balance": "record_key",
    "fct_budget_checkpoint": "record_key",
}  # fmt: skip


def journal(key: str, **changes: Any) -> dict[str, Any]:
    number, line = key.split("|")
    return {
        "source_key": key, "entity_code": "E2", "cost_center_code": "K1", "account_code": "5000", "journal_no": number, "line_no": int(line),
        "posting_date": "2024-01-15", "source_document_type": "manual", "currency_code": "USD", "amount_txn": D("100.10"),
        "amount_functional": D("100.10"), **changes,
    }  # fmt: skip


def order(key: str, **changes: Any) -> dict[str, Any]:
    number, line = key.split("|")
    return {
        "source_key": key, "entity_code": "E1", "cost_center_code": "P1", "account_code": "A1", "order_no": number, "line_no": int(line),
        "line_type": "quantity", "line_status": "approved", "order_date": "2024-01-20", "currency_code": "EUR", "quantity": 2,
        "amount_net_txn": D("100"), **changes,
    }  # fmt: skip


def budget(key: str, **changes: Any) -> dict[str, Any]:
    return {
        "source_key": key, "entity_code": "E1", "cost_center_code": "K1", "account_code": "5000", "version_code": "V1",
        "version_kind": "original", "version_status": "approved", "currency_code": "EUR", "amount_txn": D("100"), **changes,
    }  # fmt: skip


def statement(key: str, **changes: Any) -> dict[str, Any]:
    return {
        "source_key": key, "entity_code": "E1", "cost_center_code": "K1", "account_code": "5000", "checkpoint_stage": "published",
        "stated_on": "2024-01-02", "currency_code": "EUR", "amount_txn": D("100"), **changes,
    }  # fmt: skip


def deployment(folder: Any, engine: str) -> Harness:
    """Two entities (EUR, USD), a monthly calendar with a closing period, an identity system and a mapped one."""
    harness = Harness(
        folder, engine, {"erp": {}, "proc": {"account": "mapped", "cost_center": "mapped"}, "plan": {}}
    )
    harness.insert("reference", "entities", [
        {"legal_entity_id": "E1", "name": "One", "functional_currency": "EUR", "calendar_id": "M"},
        {"legal_entity_id": "E2", "name": "Two", "functional_currency": "USD", "calendar_id": "M"},
    ])  # fmt: skip
    harness.insert("reference", "calendars", [
        {"calendar_id": "M", "fiscal_year": 2024, "period_no": p, "period_name": f"P{p}", "starts_on": f"2024-{p:02d}-01",
         "ends_on": f"2024-{p:02d}-{calendar.monthrange(2024, p)[1]}", "kind": "normal"}
        for p in range(1, 13)
    ] + [{"calendar_id": "M", "fiscal_year": 2024, "period_no": 13, "period_name": "Closing", "starts_on": "2024-12-01",
          "ends_on": "2024-12-31", "kind": "closing"}])  # fmt: skip
    harness.insert("reference", "currency", [
        {"currency_code": "EUR", "minor_units": 2, "name": "Euro"}, {"currency_code": "USD", "minor_units": 2, "name": "Dollar"},
        {"currency_code": "JPY", "minor_units": 0, "name": "Yen"},
    ])  # fmt: skip
    harness.insert("reference", "rates", [
        {"rate_type": "spot", "from_currency": f, "to_currency": t, "rate_date": "2024-01-01", "rate": D(r), "source": "x"}
        for f, t, r in [("USD", "EUR", "0.9"), ("EUR", "USD", "1.1"), ("JPY", "EUR", "0.0062")]
    ])  # fmt: skip
    harness.insert("reference", "crosswalk", [
        {"system": "proc", "kind": "account", "source_code": c, "canonical_code": t, "valid_from": f, "valid_to": u}
        for c, t, f, u in [
            ("A1", "5000", "2024-01-01", None), ("A2", "5000", "2024-01-01", "2024-01-31"), ("A2", "5100", "2024-02-01", None),
            ("A3", "5000", "2024-01-01", None), ("A3", "5100", "2024-01-10", "2024-01-31"), ("A4", "5999", "2024-01-01", None),
        ]
    ] + [{"system": "proc", "kind": "cost_center", "source_code": "P1", "canonical_code": "K1", "valid_from": "2024-01-01"}])  # fmt: skip
    harness.feed("erp", "account")
    harness.feed("proc", "account")
    harness.feed("erp", "cost_center", ["source_key", "cost_center_code", "cost_center_name"])
    harness.feed("erp", "journal_line")
    harness.feed("erp", "ledger_balance")
    harness.feed("proc", "purchase_order_line")
    harness.feed("erp", "purchase_order_line")
    harness.feed("proc", "receipt_line", [
        "source_key", "entity_code", "receipt_no", "line_no", "line_status", "posting_date", "order_no", "order_line_no", "quantity",
    ])  # fmt: skip
    harness.feed("plan", "budget_line")
    harness.feed("plan", "budget_checkpoint")
    harness.land("erp", "account", 1, [
        {"source_key": "5000", "account_code": "5000", "account_name": "Supplies", "account_type": "expense"},
        {"source_key": "1000", "account_code": "1000", "account_name": "Bank", "account_type": "asset"},
        {"source_key": "heads", "account_code": "heads", "account_name": "Heads", "account_type": "statistical", "is_budget_controlled": True},
    ], dimension=True)  # fmt: skip
    harness.land("erp", "account", 2, [
        {"source_key": "5000", "account_code": "5000", "account_name": "Supplies, renamed", "account_type": "expense"},
        {"source_key": "5100", "account_code": "5100", "account_name": "Services", "account_type": "expense", "parent_account_code": "5000"},
    ], dimension=True)  # fmt: skip
    harness.land("proc", "account", 1, [
        {"source_key": "A1", "account_code": "A1", "account_name": "what procurement calls it", "account_type": "expense"},
        {"source_key": "A9", "account_code": "A9", "account_name": "maps to nothing", "account_type": "expense"},
    ], dimension=True)  # fmt: skip
    harness.land("erp", "cost_center", 1, [
        {"source_key": "K1", "cost_center_code": "K1", "cost_center_name": "One"},
    ], dimension=True)  # fmt: skip
    return harness


FIRST = {
    "journal": [
        journal("J1|1"), journal("J1|2", account_code="7777", posting_date="2024-03-15"), journal("J2|1", entity_code="E1", currency_code="EUR"),
        journal("J3|1", posting_date="2024-12-31", fiscal_year=2024, period_no=13), journal("J3|2", posting_date="2024-12-31", fiscal_year=2024, period_no=11),
        journal("J4|1", posting_date="2031-01-01"), journal("J5|1", entity_code="E9"), journal("J6|1", entity_code="E1", posting_date="2031-01-01"),
        journal("J7|1", cost_center_code=None, project_code="any project"), journal("J8|1"),
    ],
    "order": [
        order("PO1|1"), order("PO1|2", account_code="A2", order_date="2024-02-01", currency_code="USD", amount_tax_txn=D("10")),
        order("PO1|3", account_code="A3"), order("PO1|4", account_code="A3", order_date="2024-02-20"), order("PO1|5", account_code="A4"),
        order("PO1|6", account_code="unheard"), order("PO1|7", account_code=None), order("PO1|8", currency_code="JPY", entity_code="E2"),
    ],
    "budget": [
        budget("B1", fiscal_year=2024), budget("B2", fiscal_year=2024, period_no=3), budget("B3", budget_date="2024-05-17", version_status="draft"),
        budget("B4", fiscal_year=2024, currency_code="JPY", amount_txn=D("-101")), budget("B5", fiscal_year=2031), budget("B6", fiscal_year=2024, period_no=13),
        budget("B7", fiscal_year=2024, account_code="7777"),
    ],
    "statement": [
        statement("S1", fiscal_year=2024, period_no=13), statement("S2", budget_date="2024-05-17", entity_code="E2"),
        statement("S3", fiscal_year=2024), statement("S4", fiscal_year=2024, period_no=1, currency_code="USD"),
        statement("S5", fiscal_year=2024, period_no=4, currency_code="USD"), statement("S6", fiscal_year=2024, period_no=3, account_code="7777"),
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def built(needs_engine: str, tmp_path_factory: pytest.TempPathFactory) -> Harness:
    harness = deployment(tmp_path_factory.mktemp(f"canonical_{needs_engine}"), needs_engine)
    harness.land("erp", "journal_line", 1, FIRST["journal"])
    harness.land("erp", "ledger_balance", 1, [
        {"source_key": "b1", "entity_code": "E2", "account_code": "5000", "balance_date": "2024-12-31", "fiscal_year": 2024, "period_no": 13,
         "currency_code": "USD", "amount_functional": D("5")},
        {"source_key": "b2", "entity_code": "E2", "account_code": "5000", "balance_date": "2024-01-31", "currency_code": "USD",
         "amount_functional": D("5")},
    ])  # fmt: skip
    harness.land("proc", "purchase_order_line", 1, FIRST["order"])
    harness.land(
        "erp",
        "purchase_order_line",
        1,
        [order("PO1|1", account_code="5000", cost_center_code="K1", _deleted=True)],
    )
    harness.land("proc", "receipt_line", 1, [
        {"source_key": "R1|1", "entity_code": "E1", "receipt_no": "R1", "line_no": 1, "line_status": "posted", "posting_date": "2024-02-01",
         "order_no": "PO1", "order_line_no": 1, "quantity": 1},
    ])  # fmt: skip
    harness.land("plan", "budget_line", 1, FIRST["budget"])
    harness.land("plan", "budget_checkpoint", 1, FIRST["statement"])
    harness.scope_everything()
    harness.parse()
    harness.dbt(
        "build",
        "--exclude-resource-type",
        "unit_test",
        "--select",
        "fqn:deployment",
        "fqn:finance_sync.canonical",
    )
    return harness


def by_key(harness: Harness, fact: str, columns: str) -> dict[str, tuple[Any, ...]]:
    return {row[0]: row[1:] for row in harness.rows(f"canonical.{fact}", f"{FACTS[fact]}, {columns}")}


def test_dimensions(built: Harness) -> None:
    accounts = {
        r[0]: r[1:]
        for r in built.rows(
            "canonical.dim_account",
            "account_id, account_name, parent_account_id, is_budget_controlled, source_system",
        )
    }
    assert accounts["5000"] == ("Supplies, renamed", None, True, "erp"), (
        "the latest version, and the system of record before a mapped one"
    )
    assert accounts["5100"] == ("Services", "5000", True, "erp")
    assert accounts["1000"][2] is False
    assert accounts["heads"][2] is False, "units are no money, whatever the feed says"
    assert set(accounts) == {"5000", "5100", "1000", "heads", "UNMAPPED", "NONE"}, (
        "a mapped system's code without target names no member"
    )
    assert [r[0] for r in built.rows("canonical.dim_supplier", "supplier_id")] == ["NONE", "UNMAPPED"], (
        "nobody supplies suppliers"
    )


def test_journal_lines(built: Harness) -> None:
    found = by_key(
        built,
        "fct_journal_line",
        "legal_entity_id, account_id, fiscal_period_id, fiscal_year, amount_group, rate_group, rate_date",
    )
    day = by_key(built, "fct_journal_line", "rate_date")["erp|J1|1"][0]
    assert str(day) == "2024-01-01"
    assert found["erp|J1|1"][:6] == ("E2", "5000", "M:2024-P01", 2024, D("90.0900"), D("0.9"))
    assert found["erp|J1|2"][1:6] == ("UNMAPPED", "M:2024-P03", 2024, None, None), (
        "unknown account; the rate is older than 45 days"
    )
    assert found["erp|J2|1"][4:6] == (D("100.1000"), D(1)), "the group's own currency needs no rate"
    assert found["erp|J3|1"][2] == "M:2024-P13", "the ledger names a closing period"
    assert found["erp|J3|2"][2] == "M:2024-P12", "a normal period is found by date, whatever the ledger says"
    assert found["erp|J4|1"][2:5] == ("UNMAPPED", None, None)
    assert found["erp|J5|1"][0] == "UNMAPPED"
    assert found["erp|J5|1"][2] == "UNMAPPED"
    assert found["erp|J6|1"][2:5] == ("UNMAPPED", None, D("100.1000")), (
        "outside the calendar, in the group's currency all the same"
    )
    codes = by_key(built, "fct_journal_line", "cost_center_id, project_id, segment_1")
    assert codes["erp|J7|1"] == ("NONE", "any project", None), (
        "no code given; a dimension that nobody supplies cannot object"
    )


def test_orders(built: Harness) -> None:
    found = by_key(
        built,
        "fct_purchase_order_line",
        "account_id, amount_txn, amount_functional, amount_group, rate_functional, is_deleted",
    )
    assert found["proc|PO1|1"] == ("5000", D(100), D(100), D(100), D(1), False)
    assert found["proc|PO1|2"][:5] == ("5100", D(110), D(99), D(99), D("0.9")), (
        "the crosswalk of the order date; tax is part of it"
    )
    assert found["proc|PO1|3"][0] == "UNMAPPED", "two rows hold on the day"
    assert found["proc|PO1|4"][0] == "5000", "one row holds on the day"
    assert found["proc|PO1|5"][0] == "UNMAPPED", "the target is in no chart"
    assert found["proc|PO1|6"][0] == "UNMAPPED"
    assert found["proc|PO1|7"][0] == "NONE"
    assert found["proc|PO1|8"][1:5] == (D(100), None, D("0.62"), None), (
        "no rate from JPY to USD, one to the group"
    )
    assert found["erp|PO1|1"][5] is True, "the same number in another system is another record"
    assert len(found) == 9


def test_receipts_lack_optional_columns(built: Harness) -> None:
    assert by_key(
        built, "fct_receipt_line", "quantity, quantity_rejected, unit_code, supplier_id, fiscal_period_id"
    ) == {"proc|R1|1": (D(1), None, None, "NONE", "M:2024-P02")}
    assert by_key(built, "fct_requisition_line", "1") == {}, (
        "an object that nobody supplies is a typed empty table"
    )


def test_balances(built: Harness) -> None:
    found = by_key(built, "fct_ledger_balance", "fiscal_period_id")
    assert found == {"erp|b1": ("M:2024-P13",), "erp|b2": ("M:2024-P01",)}


def test_budgets(built: Harness) -> None:
    found = by_key(built, "fct_budget_line", "amount_txn, amount_functional, is_effective, fiscal_year")
    annual = {key: row for key, row in found.items() if key.startswith("plan|B1|")}
    assert len(annual) == 12
    assert annual["plan|B1|M:2024-P01"][0] == D("8.33")
    assert annual["plan|B1|M:2024-P12"][0] == D("8.37"), "the remainder falls to the last period"
    assert sum(row[0] for row in annual.values()) == 100
    assert found["plan|B2|M:2024-P03"] == (D(100), D(100), True, 2024)
    assert found["plan|B3|M:2024-P05"] == (D(100), D(100), False, 2024), "a draft never counts"
    yen = {key: row[0] for key, row in found.items() if key.startswith("plan|B4|")}
    assert yen["plan|B4|M:2024-P01"] == D(-8)
    assert yen["plan|B4|M:2024-P12"] == D(-13)
    assert sum(yen.values()) == -101
    assert found["plan|B5|UNMAPPED"] == (D(100), D(100), True, 2031), "a year that the calendar does not have"
    assert found["plan|B6|M:2024-P13"][0] == D(100)


def test_budget_statements(built: Harness) -> None:
    found = by_key(
        built,
        "fct_budget_checkpoint",
        "fiscal_period_id, fiscal_year, amount_functional, amount_group, account_id",
    )
    assert found == {
        "plan|S1": ("M:2024-P13", 2024, D(100), D(100), "5000"),
        "plan|S2": ("M:2024-P05", 2024, None, D(100), "5000"),
        "plan|S3": ("UNMAPPED", 2024, D(100), D(100), "UNMAPPED"),
        "plan|S4": ("M:2024-P01", 2024, D(90), D(90), "5000"),
        "plan|S5": ("M:2024-P04", 2024, None, None, "5000"),
        "plan|S6": ("M:2024-P03", 2024, D(100), D(100), "UNMAPPED"),
    }, (
        "a year alone is no period, and no day to look a code up on; the rate of the period's first day holds for 45 days"
    )


def everything(harness: Harness) -> dict[str, list[tuple[Any, ...]]]:
    facts = {fact: harness.rows(f"canonical.{fact}", "*", key) for fact, key in FACTS.items()}
    for fact, rows in facts.items():
        assert len({str(row) for row in rows}) == len(rows), fact
    return facts


def test_later_builds(built: Harness) -> None:
    """Runs last, since it changes the warehouse.

    Nothing new changes nothing; deltas replace by key; what was unsettled settles; and the result is what a build of
    everything from nothing gives.
    """
    canonical = ("--select", "fqn:deployment", "fqn:finance_sync.canonical")
    before = everything(built)
    built.nothing_new()
    built.dbt("build", "--exclude-resource-type", "unit_test", *canonical)
    assert everything(built) == before

    built.land("erp", "account", 3, [
        {"source_key": "7777", "account_code": "7777", "account_name": "New", "account_type": "expense"},
        {"source_key": "5100", "account_code": "5100", "account_name": "Services", "account_type": "expense", "_deleted": True},
    ], dimension=True)  # fmt: skip
    built.insert("reference", "rates", [
        {"rate_type": "spot", "from_currency": f, "to_currency": t, "rate_date": d, "rate": D(r), "source": "x"}
        for f, t, d, r in [("USD", "EUR", "2024-03-01", "0.8"), ("USD", "EUR", "2024-01-10", "0.91"), ("JPY", "USD", "2024-01-19", "0.007")]
    ])  # fmt: skip
    built.land(
        "erp",
        "journal_line",
        2,
        [journal("J1|1", amount_functional=D("200")), journal("J8|1", _deleted=True), journal("J9|1")],
    )
    built.land(
        "plan",
        "budget_line",
        2,
        [budget("B1", fiscal_year=2024, amount_txn=D("120")), budget("B2", fiscal_year=2024, period_no=4)],
    )
    built.dbt("build", "--exclude-resource-type", "unit_test", *canonical)

    lines = by_key(
        built, "fct_journal_line", "account_id, amount_functional, amount_group, is_deleted, batch_id"
    )
    assert lines["erp|J1|1"] == ("5000", D(200), D(182), False, "000002-journal_line"), (
        "the latest version, at the nearer rate"
    )
    assert lines["erp|J1|2"][:3] == ("7777", D("100.1"), D("80.08")), "its account and its rate are known now"
    assert lines["erp|J8|1"][3] is True, "gone at the source, kept"
    assert len(lines) == 11
    orders = by_key(built, "fct_purchase_order_line", "amount_functional, batch_id")
    assert orders["proc|PO1|8"] == (D("0.7"), "000001-purchase_order_line"), (
        "converted on a night on which no order came"
    )
    budgets = by_key(built, "fct_budget_line", "amount_txn, account_id")
    assert {k: r for k, r in budgets.items() if k.startswith("plan|B2|")} == {
        "plan|B2|M:2024-P04": (D(100), "5000")
    }
    assert sum(row[0] for key, row in budgets.items() if key.startswith("plan|B1|")) == 120
    statements = by_key(built, "fct_budget_checkpoint", "amount_functional, account_id")
    assert statements["plan|S5"][0] == D(80), "its rate came"
    assert statements["plan|S6"][1] == "7777", "so did its account"
    settled = {key: row for key, row in budgets.items() if key.startswith("plan|B7|")}
    assert {row[1] for row in settled.values()} == {"7777"}
    assert sum(row[0] for row in settled.values()) == 100, (
        "an annual line is put together again from its periods, then spread"
    )
    assert {r[0]: r[1] for r in built.rows("canonical.dim_account", "account_id, is_deleted")}["5100"] is True

    incremental = everything(built)
    for system, name, _ in built.objects:
        built.engine.execute(f"update landed.{system}__{name} set in_scope = true")
    built.engine.execute("update meta.batch set is_new = true")
    built.dbt("build", "--full-refresh", "--exclude-resource-type", "unit_test", *canonical)
    assert everything(built) == incremental, "rebuilt equals incremental"


def test_a_required_column_is_missed_by_name(tmp_path: Any) -> None:
    harness = deployment(tmp_path, "duckdb")
    path = harness.project() / "staging" / "stg_erp__journal_line.sql"
    path.write_text(path.read_text().replace("posting_date,", ""))
    with pytest.raises(
        AssertionError, match=r"stg_erp__journal_line supplies no column posting_date.*journal_line requires"
    ):
        harness.dbt("run", "--select", "fqn:deployment", "fct_journal_line")
