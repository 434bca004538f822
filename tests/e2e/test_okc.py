"""Oklahoma City's budget book, whose data nobody here wrote: every figure that is known of it comes out of the published marts.

A budget and nothing else: by fund, operating unit, program and account, in numbers as printed, with a total row at the end.
"""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from io import StringIO

import pytest

from tests.e2e.real_data import ENGINES, Published, differing_rows, need, run_deployment

# One worker: a run of the deployment serves all of these tests.
pytestmark = pytest.mark.xdist_group("okc")

ADOPTED, AMENDMENTS, AMENDED = 1_130_041_489, 18_224_857, 1_148_266_346

# One row per record of the book, its twelve periods put together again.
RECORDS = """(
    select
        fund, control_cost_center_id as operating_unit, program, line_of_business, control_account_id as account,
        max(control_account_name) as account_name, count(*) as periods, sum(budget_original_functional) as adopted,
        sum(budget_adjustment_functional) as amendments, sum(budget_functional) as amended
    from mart_budget_vs_actual
    group by 1, 2, 3, 4, 5
) as records"""


def _run(engine: str, factory: pytest.TempPathFactory) -> Published:
    home = factory.getbasetemp() / f"okc-{engine}"
    return run_deployment("okc", engine, "OKC_DIR", need("okc"), date(2014, 6, 30), home)


@pytest.fixture(scope="module", params=ENGINES)
def city(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """The city after one run on the engine."""
    return _run(request.param, tmp_path_factory)


def test_totals(city: Published) -> None:
    found = city.row(f"select count(*), sum(adopted), sum(amendments), sum(amended) from {RECORDS}")
    assert found == (4500, ADOPTED, AMENDMENTS, AMENDED)


def test_total_row_is_left_out_and_ties(city: Published) -> None:
    """The grand total is no record; C01 compared its three figures, and the number of records, with what landed."""
    assert city.row(
        f"select count(*) from {RECORDS} where fund = 'NONE' or operating_unit = 'NONE' or account = 'NONE'"
    ) == (0,)
    assert city.rows("select object, rows_landed, last_rows_rejected from mart_sync_health") == [
        ("budget_detail", 4500, 0)
    ]
    assert city.row("select status, rows_compared, rows_matched from mart_control_results where control_id = 'C01'") == (
        "passed", 4, 4,
    )  # fmt: skip


def test_adopted_and_amendments_make_amended(city: Published) -> None:
    """In the marts by their parts, and in C26 against the amended amount that each record of the book states."""
    assert city.row(f"select count(*) from {RECORDS} where adopted + amendments <> amended") == (0,)
    found = city.row(
        "select sum(rows_compared), sum(rows_matched), sum(rows_failed) from mart_control_results where control_id = 'C26'"
    )
    assert found == (4500, 4500, 0)


def test_years_are_spread_without_loss(city: Published) -> None:
    """Whole dollars went in: twelve parts of each record make whole dollars again."""
    assert city.row(f"select min(periods), max(periods) from {RECORDS}") == (12, 12)
    assert city.row(
        f"select count(*) from {RECORDS} where adopted <> round(adopted) or amended <> round(amended)"
    ) == (0,)


def test_codes_names_and_printed_numbers(city: Published) -> None:
    """Leading zeros stay, padding goes, (3,420) is negative, - is zero."""
    first = city.rows(
        f"select operating_unit, account, account_name, adopted, amendments, amended from {RECORDS} "
        "where fund = '001' and program = '0100101' and line_of_business = '01001' order by account limit 2"
    )
    assert first == [
        ("0001", "51000004", "BUDGET-VACANCY DISCOUNT", -3420, 0, -3420),
        ("0001", "51010001", "SALARIES AND WAGES", 156432, 0, 156432),
    ]
    counted = city.row(
        "select count(distinct fund), count(distinct operating_unit), count(distinct program), "
        f"count(distinct line_of_business), count(distinct account) from {RECORDS}"
    )
    assert counted == (35, 89, 324, 141, 277)


def test_funds_available_over_the_year(city: Published) -> None:
    """Nothing is spent or committed in a book of budgets: the year's availability is the amended budget."""
    found = city.row(
        "select sum(funds_available_functional), max(funds_window) from mart_commitment_vs_actual "
        "where fiscal_period_id = 'city:2014-P12'"
    )
    assert found == (AMENDED, "full_year")


def test_controls(city: Published) -> None:
    found = city.rows("select control_id, status, reason from mart_control_results order by control_id")
    assert found == [
        ("C01", "passed", None),
        ("C02", "not_applicable", "nothing feeds journal_line"),
        ("C03", "not_applicable", "nothing feeds budget_checkpoint"),
        ("C04", "not_applicable", "nothing feeds purchase_order_line, commitment_balance"),
        ("C05", "not_applicable", "nothing feeds purchase_order_line or requisition_line"),
        ("C06", "not_applicable", "nothing feeds purchase_order_line, journal_line"),
        ("C07", "not_applicable", "nothing feeds purchase_order_line"),
        ("C08", "not_applicable", "nothing feeds invoice_line"),
        ("C09", "not_applicable", "nothing feeds invoice_line, journal_line"),
        ("C10", "not_applicable", "nothing feeds supplier_item, journal_line, account_roles=ap_control"),
        (
            "C11",
            "not_applicable",
            "nothing feeds purchase_order_line, receipt_line, journal_line, account_roles=gr_ir",
        ),
        ("C18", "passed", None),
        ("C19", "nothing_to_compare", None),  # one currency
        ("C22", "passed", None),
        ("C25", "not_applicable", "nothing feeds journal_line or ledger_balance"),
        ("C26", "passed", None),
    ]
    assert city.row("select count(*) from mart_exceptions") == (0,)
    for empty in ("mart_order_line", "mart_open_commitments", "mart_ledger_balance"):
        assert city.row(f"select count(*) from {empty}") == (0,)


def test_query_command(city: Published) -> None:
    printed = city.command("query", "select fund, sum(budget_functional) as budget from mart_budget_vs_actual "
                           "where fund in ('001', '760') group by fund order by fund", "-o", "csv")  # fmt: skip
    rows = list(csv.reader(StringIO(printed)))
    assert rows[0] == ["fund", "budget"]
    assert [row[0] for row in rows[1:]] == ["001", "760"]
    assert all(Decimal(row[1]) > 0 for row in rows[1:])


@pytest.mark.postgres
def test_engines_agree(tmp_path_factory: pytest.TempPathFactory) -> None:
    found = differing_rows(_run("duckdb", tmp_path_factory), _run("postgres", tmp_path_factory))
    assert len(found) >= 8
    assert found == dict.fromkeys(found, 0)
