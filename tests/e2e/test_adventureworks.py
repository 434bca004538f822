"""AdventureWorks, whose data nobody here wrote: every figure that is known of it comes out of the published marts, exactly.

The deployment lacks invoices, journals and requisitions: what depends on them is not applicable, and nothing fails.
"""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from io import StringIO

import pytest

from tests.e2e.real_data import ENGINES, Published, differing_rows, need, run_deployment

# One worker: a run of the deployment serves all of these tests.
pytestmark = pytest.mark.xdist_group("adventureworks")


def _run(engine: str, factory: pytest.TempPathFactory) -> Published:
    home = factory.getbasetemp() / f"adventureworks-{engine}"
    source = need("adventureworks")
    return run_deployment("adventureworks", engine, "ADVENTUREWORKS_DIR", source, date(2026, 8, 31), home)


@pytest.fixture(scope="module", params=ENGINES)
def company(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """The company after one run on the engine."""
    return _run(request.param, tmp_path_factory)


def test_orders(company: Published) -> None:
    assert company.row("select count(distinct order_no), count(*), sum(amount_net_txn) from mart_order_line") == (
        4012, 8845, Decimal("63791994.838"),
    )  # fmt: skip


def test_headers_agree_with_lines_and_totals(company: Published) -> None:
    """C26 compares each header twice: its net amount with its lines, its parts with its total."""
    found = company.row(
        "select sum(rows_compared), sum(rows_matched), sum(rows_within_tolerance), sum(rows_failed) "
        "from mart_control_results where control_id = 'C26'"
    )
    assert found == (2 * 4012, 2 * 4012, 0, 0)


MATCHED = """
    from mart_exceptions as exceptions
    inner join mart_order_line as lines on lines.record_key = exceptions.business_key
    where exceptions.control_id = 'C07' and exceptions.reason_code"""


def test_short_receipts(company: Published) -> None:
    found = company.row(
        "select count(*), sum(exceptions.amount_group), count(distinct lines.order_no), sum(lines.amount_short_txn)"
        f"{MATCHED} = 'short_receipt'"
    )
    assert found == (380, Decimal("551448.994"), 378, Decimal("551448.994"))
    assert company.row("select count(*), sum(amount_short_txn) from mart_order_line where quantity_short > 0") == (
        380, Decimal("551448.994"),
    )  # fmt: skip


def test_over_receipts(company: Published) -> None:
    assert company.row("select count(*) from mart_order_line where quantity_over > 0") == (0,)
    assert company.row(f"select count(*) {MATCHED} = 'over_receipt'") == (0,)


def test_rejected_goods(company: Published) -> None:
    found = company.row(
        "select count(*), sum(exceptions.quantity_difference), sum(exceptions.amount_group), count(distinct lines.order_no)"
        f"{MATCHED} = 'rejected_goods'"
    )
    assert found == (563, 72700, Decimal("2028853.113"), 507)


def test_lines_short_or_rejected(company: Published) -> None:
    sql = f"select count(distinct exceptions.business_key), count(*) {MATCHED} in ('short_receipt', 'rejected_goods')"
    assert company.row(sql) == (942, 943)


def test_complete_orders(company: Published) -> None:
    assert company.row(
        "select count(distinct order_no) from mart_order_line where line_status = 'closed'"
    ) == (3689,)
    assert company.row(f"select count(*) {MATCHED} = 'short_receipt' and lines.line_status = 'closed'") == (
        355,
    )


def test_finance_rows(company: Published) -> None:
    assert company.row("select sum(row_count) from mart_ledger_balance") == (34563,)
    assert company.row("select sum(budget_rows) from mart_budget_vs_actual") == (4846,)
    landed = company.rows(
        "select object, rows_landed, last_rows_rejected from mart_sync_health where object in ('actual', 'budget') order by object"
    )
    assert landed == [("actual", 34563, 0), ("budget", 4846, 0)]


def test_budget_against_actual(company: Published) -> None:
    assert company.row("select count(*) from mart_budget_vs_actual where has_budget and not has_actual") == (
        0,
    )
    matched = company.rows(
        "select account_type, count(*), sum(actual_functional), sum(budget_functional), "
        "count(case when budget_status = 'over_budget' then 1 end) "
        "from mart_budget_vs_actual where has_budget and has_actual group by account_type order by account_type"
    )
    assert matched == [
        ("expense", 4702, Decimal("16780938.15"), Decimal(17057050), 2807),
        ("revenue", 144, Decimal("22874082.3"), Decimal(25354800), 48),
    ]


def test_budget_exceptions(company: Published) -> None:
    """C25 names the cells above their budget, and those without one: 25,000 actual cells less the 4,846 that have a budget."""
    found = company.rows(
        "select exceptions.reason_code, accounts.account_type, count(*) from mart_exceptions as exceptions "
        "inner join (select distinct account_id, account_type from mart_ledger_balance) as accounts "
        "on accounts.account_id = exceptions.account_id "
        "where control_id = 'C25' and reason_code = 'over_budget' group by 1, 2 order by 2"
    )
    assert found == [("over_budget", "expense", 2807), ("over_budget", "revenue", 48)]
    missing = "select count(*) from mart_exceptions where reason_code = 'actual_without_budget'"
    assert company.row(missing) == (25000 - 4846,)


def test_assets_are_liabilities(company: Published) -> None:
    """Debits are positive in the ledger's balances, so the two sides have opposite signs."""
    found = company.rows(
        "select account_type, sum(amount_functional) from mart_ledger_balance "
        "where account_type in ('asset', 'liability') group by account_type order by account_type"
    )
    assert found == [("asset", Decimal("553505459.26")), ("liability", Decimal("-553505459.26"))]


def test_units_are_no_money(company: Published) -> None:
    """Headcount and square feet are in the ledger, and in no budget cell."""
    assert company.row(
        "select sum(row_count) from mart_ledger_balance where account_type = 'statistical'"
    ) == (1163 + 276,)
    assert company.row("select count(*) from mart_budget_vs_actual where account_type = 'statistical'") == (
        0,
    )


def test_controls(company: Published) -> None:
    """What the company does not supply is not applicable, with the reason; the rest was judged on everything there is."""
    found = company.rows(
        "select control_id, status, reason, sum(rows_failed) from mart_control_results "
        "where status <> 'passed' group by control_id, status, reason order by control_id, status"
    )
    assert found == [
        ("C02", "not_applicable", "nothing feeds journal_line", 0),
        ("C03", "not_applicable", "nothing feeds budget_checkpoint", 0),
        ("C04", "not_applicable", "nothing feeds commitment_balance", 0),
        ("C06", "not_applicable", "nothing feeds journal_line", 0),
        ("C07", "failed", None, 943),
        ("C08", "not_applicable", "nothing feeds invoice_line", 0),
        ("C09", "not_applicable", "nothing feeds invoice_line, journal_line", 0),
        ("C10", "not_applicable", "nothing feeds supplier_item, journal_line, account_roles=ap_control", 0),
        ("C11", "not_applicable", "nothing feeds journal_line, account_roles=gr_ir", 0),
        ("C18", "failed", None, 4),
        ("C25", "failed", None, 2807 + 48 + 25000 - 4846),
    ]
    passed = company.rows(
        "select control_id, sum(rows_failed) from mart_control_results where status = 'passed' "
        "and control_id not in (select control_id from mart_control_results where status = 'failed') group by 1 order by 1"
    )
    assert passed == [("C01", 0), ("C05", 0), ("C19", 0), ("C22", 0), ("C26", 0)]


def test_inactive_vendors(company: Published) -> None:
    """The four inactive vendors all have orders of open periods."""
    found = company.rows(
        "select supplier_id from mart_exceptions where control_id = 'C18' order by supplier_id"
    )
    assert found == [("1516",), ("1544",), ("1614",), ("1678",)]


def test_open_commitments(company: Published) -> None:
    """Only approved orders commit, and what was received relieves: what is open is their three short lines."""
    found = company.row("select count(*), sum(amount_open_txn) from mart_open_commitments")
    assert found == (3, Decimal("3793.263"))


def test_query_command(company: Published) -> None:
    printed = company.command(
        "query",
        "select count(*) as lines, sum(amount_net_txn) as ordered from mart_order_line",
        "--output",
        "csv",
    )
    assert list(csv.reader(StringIO(printed))) == [["lines", "ordered"], ["8845", "63791994.8380"]]


@pytest.mark.postgres
def test_engines_agree(tmp_path_factory: pytest.TempPathFactory) -> None:
    found = differing_rows(_run("duckdb", tmp_path_factory), _run("postgres", tmp_path_factory))
    assert len(found) >= 8
    assert found == dict.fromkeys(found, 0)
