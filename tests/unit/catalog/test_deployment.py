"""A valid deployment becomes typed values; a broken one says file, line, place, value and remedy for every problem."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from finance_sync.catalog import Feed, canonical_objects, controls, reference_tables
from finance_sync.errors import DeploymentError, Problem
from finance_sync.settings import load_settings

from .conftest import Folder

Only = Callable[[], Problem]


def test_a_valid_deployment_is_typed(folder: Folder) -> None:
    deployment = folder.load()
    assert (deployment.name, deployment.group_currency) == ("acme", "EUR")
    assert deployment.segments == {"segment_1": "fund", "segment_2": "program"}
    assert deployment.feeds["journal_line"] == [Feed("erp", "journals", "stg_erp__journals")]
    assert deployment.feeds["account"] == [Feed("erp", "accounts", "stg_erp__chart")]
    assert deployment.feeds.keys() == canonical_objects().keys()
    assert deployment.feeds["invoice_line"] == []

    reference = deployment.reference
    assert reference.keys() == {*reference_tables(), "currency"}
    for name, spec in reference_tables().items():
        assert reference[name].schema == spec.arrow_schema, name
    assert reference["rates"]["rate"].to_pylist() == [Decimal("0.0061723400")]
    assert reference["rates"].schema.field("rate").type == pa.decimal128(18, 10)
    assert reference["tolerances"].to_pylist()[0]["absolute_functional"] == Decimal("1.5000")
    assert reference["entities"]["name"].to_pylist() == ["Acme, Berlin", "Acme Tokyo"]
    assert reference["entities"]["country_code"].to_pylist() == ["DE", None]
    assert reference["crosswalk"]["source_code"].to_pylist() == ["0400", "0400", "1"], "codes stay text"
    assert reference["crosswalk"]["valid_to"].to_pylist() == [date(2025, 12, 31), None, None]
    assert reference["period_status"].num_rows == 0, "an absent optional table is empty"


def test_business_date_is_the_setting_then_the_clock_then_today(folder: Folder) -> None:
    settings = load_settings(deployment=folder.path, home=folder.path / "home")
    deployment = folder.load()
    assert abs((deployment.business_date(settings) - datetime.now(tz=UTC).date()).days) <= 1
    folder.write("home/clock.txt", "2025-02-03\n")
    assert deployment.business_date(settings) == date(2025, 2, 3)
    fixed = load_settings(deployment=folder.path, as_of="2025-01-09")
    assert deployment.business_date(fixed) == date(2025, 1, 9)
    folder.write("home/clock.txt", "3 Feb\n")
    with pytest.raises(
        DeploymentError, match=r"clock\.txt: '3 Feb' is no date -> write one date such as 2026-01-31"
    ):
        deployment.business_date(settings)


def test_fingerprints_follow_what_they_name(folder: Folder) -> None:
    before = folder.load()
    assert folder.load().fingerprints == before.fingerprints
    folder.write("reference/rates.csv", "rate_type,from_currency,to_currency,rate_date,rate,source\n")
    folder.edit("staging/erp/stg_erp__chart.sql", "select", "SELECT")
    folder.edit("systems/erp.yaml", "title: Ledger", "title: General ledger")
    after = folder.load()
    changed = {name for name in before.fingerprints if before.fingerprints[name] != after.fingerprints[name]}
    assert changed == {"reference.rates", "staging", "system.erp"}
    assert before.fingerprint != after.fingerprint


def test_a_control_without_its_feeds_is_not_applicable_and_says_why(folder: Folder) -> None:
    reasons = folder.load().applicability()
    assert reasons.keys() == controls().keys()
    assert reasons["C02"] == ""
    assert reasons["C09"] == "nothing feeds invoice_line"
    assert reasons["C25"] == "nothing feeds budget_line", "journal lines meet 'journal_line|ledger_balance'"
    folder.edit("systems/erp.yaml", "    feeds: [journal_line]\n", "")
    assert folder.load().applicability()["C25"] == "nothing feeds budget_line, journal_line or ledger_balance"


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "path", "message", "remedy"),
    [
        ("deployment.yaml", "title: Acme", "titel: Acme", 2, "titel", "unknown key 'titel'", "did you mean 'title'?"),
        ("deployment.yaml", ": EUR", ": euro", 3, "group_currency", "'euro' is not valid", "write an ISO 4217 code, such as EUR"),
        ("deployment.yaml", ": EUR", ": EUT", 3, "group_currency", "'EUT' is no ISO 4217 currency", "did you mean 'EUR'?"),
        ("deployment.yaml", "segment_2", "segment_7", 6, "segments.segment_7", "'segment_7' is not allowed", "did you mean 'segment_6'?"),
        ("deployment.yaml", "program", "fund", 6, "segments.segment_2", "'fund' names segment_1 too", "give each segment its own name"),
        ("deployment.yaml", "program", "Cost type", 6, "segments.segment_2", "'Cost type' cannot be a column name", "use lower case letters, digits and underscores"),
        ("systems/erp.yaml", "role: erp", "role: earp", 3, "role", "'earp' is not allowed", "did you mean 'erp'?"),
        ("systems/erp.yaml", "Berlin", "Berln", 5, "time_zone", "'Europe/Berln' is no time zone", "did you mean 'Europe/Berlin'?"),
        ("systems/erp.yaml", "table: gl_lines", "tabel: gl_lines, query: select 1", 10, "objects.journals.read.tabel", "unknown key 'tabel'", "did you mean 'table'?"),
        ("systems/erp.yaml", "kind: sql, table", "kind: sequel, table", 10, "objects.journals.read", "'sequel' is not allowed", "did you mean 'sql'?"),
        ("systems/erp.yaml", "kind: sql, table", "table", 10, "objects.journals.read", "the key 'kind' is missing", "say `kind: file` or `kind: sql`"),
        ("systems/erp.yaml", "    key: [id]\n", "", 9, "objects.journals.key", "the key 'key' is missing", "add `key:`"),
        ("systems/erp.yaml", "2 hours", "2h", 12, "objects.journals.delta.lookback", "'2h' is not valid", "write a number and minutes, hours or days, such as `26 hours`"),
        ("systems/erp.yaml", "changed: {type: timestamp}", "changed: {type: timestmp}", 16, "objects.journals.fields.changed.type", "'timestmp' is not allowed", "did you mean 'timestamp'?"),
        ("systems/erp.yaml", "currency: cur}", "currency: curr}", 17, "objects.journals.fields.amount.currency", "'curr' is neither a field of the object nor an ISO 4217 currency", "did you mean 'cur'?"),
        ("systems/erp.yaml", "[journal_line]", "[journal_lines]", 19, "objects.journals.feeds[0]", "'journal_lines' is no canonical object", "did you mean 'journal_line'?"),
        ("systems/erp.yaml", "      format: csv", "      format: cvs", 24, "objects.accounts.read.format", "'cvs' is not allowed", "did you mean 'csv'?"),
        ("systems/erp.yaml", "title: Ledger", "title: 2025", 2, "title", "Input should be a valid string (found 2025)", 'put it in quotes: "2025"'),
        ("systems/erp.yaml", "owner: general-ledger", "title: Books\nowner: general-ledger", 4, "title", "the key 'title' is given twice (first on line 2)", "keep one of the two: YAML would silently take the last"),
        ("reference/entities.csv", "DE,EUR,months", "DE,EUX,months", 2, "column functional_currency", "'EUX' is no ISO 4217 currency", "did you mean 'EUR'?"),
        ("reference/entities.csv", "JPY,months", "JPY,month", 3, "column calendar_id", "'month' is no calendar of reference/calendars.csv", "did you mean 'months'?"),
        ("reference/entities.csv", "JP01,Acme Tokyo,,", "JP01,Acme, Tokyo,,", 3, "", "the row has 6 values and the header 5 columns", "put a text that contains a comma in double quotes"),
        ("reference/calendars.csv", "2025-02-01,2025-02-28,normal", "2025-02-02,2025-02-28,normal", 3, "column starts_on", "calendar 'months': 2025-P02 starts on 2025-02-02 and leaves a gap of 1 days after 2025-P01 (to 2025-01-31)", "let each normal period start the day after the one before ends; an adjusting period has kind closing"),
        ("reference/calendars.csv", "2025-02-01,2025-02-28,normal", "2025-01-30,2025-02-28,normal", 3, "column starts_on", "calendar 'months': 2025-P02 starts on 2025-01-30 and overlaps by 2 days 2025-P01 (to 2025-01-31)", "let each normal period start the day after the one before ends; an adjusting period has kind closing"),
        ("reference/calendars.csv", "2025-02-28,2025-02-28,closing", "2025-03-01,2025-03-01,closing", 4, "column starts_on", "calendar 'months': closing period 2025-P13 lies outside every normal period of its year", "give it the dates of the period it adjusts"),
        ("reference/calendars.csv", "2025-02-01,2025-02-28,normal", "2025-02-01,2025-02-30,normal", 3, "column ends_on", "'2025-02-30' is no date of the calendar", "write dates as 2026-01-31"),
        ("reference/calendars.csv", "months,2025,2", "months,2025,1", 3, "", "the key (calendar_id=months, fiscal_year=2025, period_no=1) is there twice, first on line 2", "keep one row, or tell them apart by their dates"),
        ("reference/crosswalk.csv", "2025-01-01,2025-12-31", "01.01.2025,2025-12-31", 2, "column valid_from", "'01.01.2025' is not a valid date", "write dates as 2026-01-31"),
        ("reference/crosswalk.csv", "2025-01-01,2025-12-31", "2025-01-01,2024-12-31", 2, "column valid_to", "2024-12-31 lies before valid_from 2025-01-01", "exchange or correct the dates"),
        ("reference/crosswalk.csv", "erp,legal_entity", "erb,legal_entity", 4, "column system", "'erb' is no system of systems/*.yaml", "did you mean 'erp'?"),
        ("reference/crosswalk.csv", "1,DE01", "1,DE02", 4, "column canonical_code", "'DE02' is no legal entity of reference/entities.csv", "did you mean 'DE01'?"),
        ("reference/crosswalk.csv", "erp,legal_entity", "erp,legal_entty", 4, "column kind", "'legal_entty' is not allowed", "did you mean 'legal_entity'?"),
        ("reference/crosswalk.csv", "chart of 2025", "", 2, "column reason", "is empty and must be filled", "give a value"),
        ("reference/rates.csv", "spot", "spott", 2, "column rate_type", "'spott' is not allowed", "did you mean 'spot'?"),
        ("reference/rates.csv", "0.0061723400", "-0.1", 2, "column rate", "the rate -0.1000000000 is not positive", "give units of to_currency per unit of from_currency"),
        ("reference/rates.csv", "0.0061723400", "6.17E-3", 2, "column rate", "'6.17E-3' is not a valid rate", "write a plain decimal: at most 8 digits before the point, 10 after it"),
        ("reference/rates.csv", "rate_date,rate,source", "rate_date,rat,source", 1, "", "unknown column 'rat'", "did you mean 'rate'?"),
        ("reference/rates.csv", "JPY,EUR", "EUR,EUR", 2, "column to_currency", "a rate from EUR to itself", "remove the row"),
        ("reference/tolerances.csv", "C07", "C007", 2, "column control_id", "'C007' is no control", "did you mean 'C07'?"),
        ("reference/tolerances.csv", "1.50", "1.50005", 2, "column absolute_functional", "'1.50005' is not a valid amount", "write a plain decimal: at most 14 digits before the point, 4 after it"),
        ("reference/tolerances.csv", ",3,", ",-3,", 2, "column lag_days", "-3 is negative", "a tolerance is zero or more"),
        ("reference/policies.csv", "receipt", "reciept", 2, "column value", "'reciept' is no value of relief_point", "did you mean 'receipt'?"),
        ("reference/policies.csv", "quantity", "quantities", 2, "column line_type", "'quantities' is no line type", "did you mean 'quantity'?"),
    ],
)  # fmt: skip
def test_a_problem_names_file_line_place_value_and_remedy(
    folder: Folder, file: str, old: str, new: str, line: int, path: str, message: str, remedy: str
) -> None:
    folder.edit(file, old, new)
    assert Problem(file, message, remedy, line, path) in folder.problems()


def test_all_problems_are_told_at_once(folder: Folder) -> None:
    folder.edit("deployment.yaml", "title: Acme", "titel: Acme")
    folder.edit("systems/erp.yaml", "role: erp", "role: earp")
    folder.edit("reference/rates.csv", "spot", "spott")
    folder.edit("reference/policies.csv", "receipt", "reciept")
    assert [(problem.file, problem.line) for problem in folder.problems()] == [
        ("deployment.yaml", 1),  # title is missing
        ("deployment.yaml", 2),  # titel is unknown
        ("reference/policies.csv", 2),
        ("reference/rates.csv", 2),
        ("systems/erp.yaml", 3),
    ]


def test_a_missing_staging_model_is_named(folder: Folder, only: Only) -> None:
    (folder.path / "staging/erp/stg_erp__chart.sql").unlink()
    problem = only()
    assert (problem.file, problem.line, problem.path) == ("systems/erp.yaml", 29, "objects.accounts.feeds")
    assert (
        problem.message
        == "'accounts' feeds 'account' and its staging model staging/erp/stg_erp__chart.sql does not exist"
    )


def test_yaml_that_cannot_be_parsed_has_a_line(folder: Folder, only: Only) -> None:
    folder.edit("deployment.yaml", "title: Acme", "title: Acme: and sons")
    problem = only()
    assert (problem.file, problem.line) == ("deployment.yaml", 2)
    assert problem.message.startswith("is not valid YAML: mapping values are not allowed")
    assert "quote texts" in problem.remedy


def test_a_file_that_is_not_text_has_a_line(folder: Folder) -> None:
    folder.write("reference/entities.csv", FILES_LATIN1)
    assert (
        Problem("reference/entities.csv", "is not UTF-8 text (byte 0xfc)", "save the file as UTF-8", 2)
        in folder.problems()
    )


FILES_LATIN1 = "legal_entity_id,name,functional_currency,calendar_id\nDE01,Müller,EUR,months\n".encode(
    "latin-1"
)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("deployment.yaml", "", "is empty"),
        ("deployment.yaml", "- a\n", "holds ['a'] instead of keys"),
        ("reference/entities.csv", "", "is empty"),
        ("reference/entities.csv", None, "is missing"),
        ("deployment.yaml", None, "cannot be read: No such file or directory"),
        ("reference/entitis.csv", "a\n", "is not a reference table"),
        ("systems/erp2.yaml", "system: erp\ntitle: x\nrole: erp\nowner: x\nconnection: {kind: files, url: x}\nobjects: {a: {read: {kind: file, path: a}, key: [a], delta: {mode: full}, fields: {a: {}}}}\n", "the system 'erp' is declared in systems/erp.yaml too"),
    ],
)  # fmt: skip
def test_whole_files_that_are_wrong(folder: Folder, file: str, text: str | None, message: str) -> None:
    if text is None:
        (folder.path / file).unlink()
    else:
        folder.write(file, text)
    found = [problem for problem in folder.problems() if problem.file == file]
    assert [problem.message for problem in found][:1] == [message]
    assert found[0].remedy


def test_period_status_names_a_period_that_exists(folder: Folder, only: Only) -> None:
    header = "legal_entity_id,fiscal_year,period_no,status,reason,owner\n"
    folder.write("reference/period_status.csv", header + "DE01,2025,1,locked,audited,gl\n")
    folder.load()
    folder.write(
        "reference/period_status.csv",
        header + "DE01,2025,1,locked,audited,gl\nDE01,2025,3,locked,audited,gl\n",
    )
    problem = only()
    assert (problem.line, problem.message) == (
        3,
        "2025-P03 is no period of calendar 'months' of entity 'DE01'",
    )


def test_lines_are_those_of_the_file_when_a_text_spans_several(folder: Folder, only: Only) -> None:
    folder.edit("reference/crosswalk.csv", "chart of 2025", '"chart\nof\n2025"')
    folder.edit("reference/crosswalk.csv", "erp,legal_entity", "erb,legal_entity")
    assert only().line == 6


def test_many_equal_problems_are_cut_with_a_count(folder: Folder) -> None:
    rows = "".join(f"spot,JPY,EUR,2025-01-01,x{row},ECB\n" for row in range(50))
    folder.write("reference/rates.csv", "rate_type,from_currency,to_currency,rate_date,rate,source\n" + rows)
    problems = folder.problems()
    assert len(problems) == 21
    assert "and 30 more rows with the same problem" in {problem.message for problem in problems}


def test_a_folder_that_is_not_there(folder: Folder) -> None:
    with pytest.raises(DeploymentError, match="nowhere does not exist -> set FINANCE_SYNC_DEPLOYMENT"):
        folder.__class__.load(type("F", (), {"path": folder.path / "nowhere"})())
