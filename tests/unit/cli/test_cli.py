"""The command: quick help, exact output, errors without traceback, and a doctor that names what is wrong."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from finance_sync.catalog import load_deployment
from finance_sync.cli import _choose, app
from finance_sync.cli_doctor import examine
from finance_sync.cli_output import render
from finance_sync.errors import DeploymentError, WarehouseError
from finance_sync.settings import PROJECT_ROOT, load_settings

OKC = PROJECT_ROOT / "tests" / "deployments" / "okc"

TABLE = pa.table(
    {
        "name": ['Acme, "Berlin"', None],
        "amount": pa.array([Decimal("99999999999999.9900"), Decimal("-0.0001")], pa.decimal128(18, 4)),
        "rate": pa.array([Decimal("0.0000000001"), None], pa.decimal128(18, 10)),
        "rows": pa.array([3, None], pa.int64()),
        "open": [True, False],
        "day": [date(2025, 1, 31), None],
        "at": [datetime(2025, 1, 31, 23, 59), None],
    }
)


def test_json_keeps_money_as_exact_text() -> None:
    rows = json.loads("".join(render(TABLE, "json")))
    assert rows[0] == {
        "name": 'Acme, "Berlin"', "amount": "99999999999999.9900", "rate": "0.0000000001", "rows": 3, "open": True,
        "day": "2025-01-31", "at": "2025-01-31T23:59:00",
    }  # fmt: skip
    assert rows[1]["amount"] == "-0.0001"
    assert rows[1]["rate"] is None
    assert json.loads("".join(render(TABLE.slice(0, 0), "json"))) == []


def test_json_keeps_every_column_of_a_repeated_name() -> None:
    """``select a.n, b.n`` gives two columns of one name: neither is lost, and none takes the name of a third."""
    table = pa.table([[1], [2], [3], [4]], names=["n", "n", "n_2", "n"])
    assert json.loads("".join(render(table, "json"))) == [{"n": 1, "n_3": 2, "n_2": 3, "n_4": 4}]


def test_csv_is_exact_and_quoted() -> None:
    lines = list(csv.reader("".join(render(TABLE, "csv")).splitlines()))
    assert lines[0] == TABLE.column_names
    assert lines[1] == [
        'Acme, "Berlin"',
        "99999999999999.9900",
        "0.0000000001",
        "3",
        "true",
        "2025-01-31",
        "2025-01-31T23:59:00",
    ]
    assert lines[2] == ["", "-0.0001", "", "", "false", "", ""]


def test_table_shows_every_digit_and_the_number_of_rows() -> None:
    wide = pa.table(
        {f"column_{n}": pa.array([Decimal("12345678901234.5678")], pa.decimal128(18, 4)) for n in range(12)}
    )
    shown = "".join(render(wide, "table"))
    assert shown.count("12345678901234.5678") == 12, "nothing is cut when written into a pipe"
    assert shown.endswith("1 row\n")
    assert "[bold]" in "".join(render(pa.table({"message": ["[bold]"]}), "table")), "text is data, not markup"


def test_help_is_quick_because_nothing_heavy_is_imported() -> None:
    code = (
        "import sys\nfrom finance_sync.cli import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "print('HEAVY', sorted({'pyarrow', 'polars', 'pydantic', 'duckdb', 'dagster', 'dbt', 'great_expectations'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "HEAVY []" in done.stdout
    for command in (
        "doctor",
        "schema",
        "run",
        "land",
        "replay",
        "build",
        "publish",
        "query",
        "ui",
        "catalog",
        "sandbox",
    ):
        assert f"  {command} " in done.stdout


def test_an_error_for_people_has_message_and_remedy_and_no_traceback(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--home", str(tmp_path), "query", "select 1"])
    assert result.exit_code == 2
    assert "error: nothing is published in" in result.output
    assert "-> run `finance-sync run` first" in result.output
    assert "Traceback" not in result.output

    result = CliRunner().invoke(app, ["--engine", "oracle", "query", "select 1"])
    assert result.exit_code == 2
    assert "setting FINANCE_SYNC_ENGINE" in result.output
    assert "'oracle'" in result.output


def test_query_reads_what_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def read(settings: object, sql: str) -> pa.Table:
        asked.append(sql)
        if "nowhere" in sql:
            raise WarehouseError("the query failed: no table nowhere", remedy="correct the statement")
        return TABLE

    monkeypatch.setattr("finance_sync.warehouse.publish.read_published", read)
    result = CliRunner().invoke(app, ["query", "select 1", "--output", "json"])
    assert json.loads(result.stdout)[0]["amount"] == "99999999999999.9900"
    result = CliRunner().invoke(app, ["query", "-", "-o", "csv"], input="select 2")
    assert result.stdout.startswith("name,amount,")
    assert asked == ["select 1", "select 2"]
    result = CliRunner().invoke(app, ["query", "select * from nowhere"])
    assert (result.exit_code, "no table nowhere" in result.output) == (2, True)


def test_systems_and_objects_are_chosen_or_named_as_unknown() -> None:
    deployment = load_deployment(load_settings(deployment=OKC))
    (system,) = deployment.systems
    (first, *_) = deployment.systems[system].objects
    assert _choose(deployment, None, None) == {system: None}
    assert _choose(deployment, [system], [first]) == {system: [first]}
    with pytest.raises(DeploymentError, match=f"no system 'x{system}' -> did you mean '{system}'"):
        _choose(deployment, [f"x{system}"], None)
    with pytest.raises(DeploymentError, match=f"no object 'x{first}' in {system} -> did you mean '{first}'"):
        _choose(deployment, None, [f"x{first}"])


def test_doctor_lists_every_problem_of_a_deployment(tmp_path: Path) -> None:
    (tmp_path / "systems").mkdir()
    (tmp_path / "deployment.yaml").write_text("name: x\ntitel: x\ngroup_currency: EUR\n")
    result = CliRunner().invoke(
        app, ["--deployment", str(tmp_path), "--home", str(tmp_path / "home"), "doctor"]
    )
    assert result.exit_code == 1
    assert "deployment.yaml:2" in result.output
    assert "did you mean 'title'?" in result.output
    assert "reference/entities.csv" in result.output
    assert "ok    machine     data home" in result.output


DEPLOYMENT = {
    "deployment.yaml": "name: x\ntitle: Example\ngroup_currency: EUR\n",
    "reference/entities.csv": "legal_entity_id,name,functional_currency,calendar_id\nE,E,EUR,c\n",
    "reference/calendars.csv": (
        "calendar_id,fiscal_year,period_no,period_name,starts_on,ends_on,kind\nc,2025,1,Y,2025-01-01,2025-12-31,normal\n"
    ),
    "systems/plan.yaml": """\
system: plan
title: Plan
role: planning
owner: budget-office
connection: {kind: files, url: "{deployment}/in"}
objects:
  lines: {read: {kind: file, path: "lines*.csv"}, key: [id], delta: {mode: full}, fields: {id: {}, amount: {}}}
  renamed: {read: {kind: file, path: renamed.csv}, key: [id], delta: {mode: full}, fields: {id: {}, amount: {}, unit: {}}}
  absent: {read: {kind: file, path: absent.csv}, key: [id], delta: {mode: full}, fields: {id: {}}}
""",
    "systems/erp.yaml": """\
system: erp
title: Ledger
role: erp
owner: general-ledger
connection: {kind: sql, url: "${DOCTOR_TEST_URL}"}
objects:
  gl: {read: {kind: sql, table: gl}, key: [id], delta: {mode: full}, fields: {id: {}}}
""",
    "in/lines_1.csv": "id,amount\n1,2\n",
    "in/lines_2.csv": "id,amount\n2,2\n",
    "in/renamed.csv": "id,amounts,x\n1,2,3\n",
}


def test_doctor_opens_each_source_and_says_what_is_missing(tmp_path: Path) -> None:
    for name, text in DEPLOYMENT.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    findings = {
        (finding.area, finding.subject): finding
        for finding in examine(load_settings(deployment=tmp_path, home=tmp_path / "home"))
    }
    good = findings["source", "plan.lines"]
    assert (good.status, good.detail) == ("ok", "2 files, 2 columns")
    renamed = findings["source", "plan.renamed"]
    assert renamed.status == "fail"
    assert "column 'amount' (field 'amount') is missing; found: id, amounts, x" in renamed.detail
    assert "column 'unit' (field 'unit') is missing" in renamed.detail, "every missing column is named"
    assert renamed.remedy == "did the source rename it to 'amounts'? Then set the field's `header`"
    absent = findings["source", "plan.absent"]
    assert (absent.status, "no file" in absent.detail) == ("fail", True)
    ledger = findings["source", "erp.gl"]
    assert ledger.detail == "system erp: connection.url needs ${DOCTOR_TEST_URL}, which is not set"
    assert ledger.remedy == "set the environment variable DOCTOR_TEST_URL"
    assert findings["control", "C07"].status == "warn"
    assert findings["control", "C07"].detail == "not applicable: nothing feeds purchase_order_line"
    assert ("control", "C01") not in findings
    assert findings["engine", "duckdb"].status == "ok"


def test_doctor_says_that_the_home_cannot_be_written(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    findings = {
        finding.subject: finding for finding in examine(load_settings(deployment=OKC, home=blocked / "home"))
    }
    assert findings["data home"].status == "fail"
    assert "FINANCE_SYNC_HOME" in findings["data home"].remedy


def test_landing_shows_the_batch_or_the_contact_and_leaves_blank_what_is_not_known() -> None:
    from datetime import UTC

    from finance_sync.cli_output import console, landed_table
    from finance_sync.landing import Batch, Check, LandingResult

    figures = {"rows_source": 1200, "rows_seen": 1201, "rows_unchanged": 3}
    batch = Batch.model_construct(
        batch_id="000002-abc", rows_accepted=1197, rows_rejected=1, rows_deleted=0, **figures
    )
    results = [
        LandingResult("erp", "gl", "landed", batch=batch),
        LandingResult(
            "erp",
            "po",
            "unchanged",
            check=Check(system="erp", object="po", checked_at=datetime.now(tz=UTC), **figures),
        ),
        LandingResult("erp", "ap", "failed", error="no answer"),
    ]
    target = console()
    with target.capture() as captured:
        target.print(landed_table(results))
    lines = [line.split() for line in captured.get().splitlines()]
    assert lines[1] == ["erp", "gl", "landed", "000002-abc", "1,200", "1,201", "1,197", "1", "3", "0"]
    assert lines[2] == ["erp", "po", "unchanged", "1,200", "1,201", "3"]
    assert lines[3] == ["erp", "ap", "failed"]
