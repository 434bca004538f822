"""Suites, documentation and controls table say the same; results travel without losing a digit."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from finance_sync.catalog.product import canonical_objects, controls
from finance_sync.controls import CheckResult, ReasonTotal, SampleRow, load_checks
from finance_sync.controls.docs import control_pages, controls_document, write_docs
from finance_sync.controls.generate import PASSING, check_name, suites, write_suites
from finance_sync.controls.measure import severity_of
from finance_sync.errors import FinanceSyncError
from finance_sync.settings import PROJECT_ROOT, load_settings

EXPECTATIONS = load_settings().expectations_dir
# GX turns bounds into floats, so no expectation may stand on one of these.
MONEY = ("amount", "rate", "price", "quantity_difference")


def test_files_are_what_the_catalog_gives() -> None:
    found = {str(path.relative_to(EXPECTATIONS)): path.read_text() for path in EXPECTATIONS.rglob("*.json")}
    assert found == suites(), "run `finance-sync catalog generate`"


def test_documentation_is_what_the_controls_table_gives() -> None:
    docs = PROJECT_ROOT / "docs"
    found = {path.name: path.read_text() for path in (docs / "controls").iterdir()}
    assert found == control_pages(load_settings().dbt_package), "run `finance-sync catalog generate`"
    assert (docs / "controls.md").read_text() == controls_document(), "run `finance-sync catalog generate`"


def test_every_control_has_a_page_with_why_and_an_example_and_no_dead_link(tmp_path: Path) -> None:
    (tmp_path / "controls").mkdir()
    (tmp_path / "controls" / "c99.md").write_text("of a control that is gone")
    write_docs(tmp_path, load_settings().dbt_package)
    pages = {path.name: path.read_text() for path in (tmp_path / "controls").iterdir()}
    assert set(pages) == {f"{number.lower()}.md" for number in controls()}
    for number, control in controls().items():
        page = pages[f"{number.lower()}.md"]
        assert control.why, f"{number}: controls.yaml says no why"
        assert f"**Why.** {control.why}" in page
        assert "## Example\n\n> " in page, (
            f"{number}: no unit test expects a message and controls.yaml has no example"
        )
        links = re.findall(r"\]\(([^)]+)\)", page)
        assert any(link.endswith(f"{control.model}.sql") for link in links)
        dead = [link for link in links if not (PROJECT_ROOT / "docs" / "controls" / link).resolve().exists()]
        assert not dead, f"{number}: {dead}"


def test_every_control_is_judged_in_the_suite_of_its_area_and_nothing_else_is() -> None:
    """Read from the files alone, without the code that writes them."""
    judged = {}
    for path in EXPECTATIONS.glob("*.json"):
        for row in json.loads(path.read_text())["expectations"]:
            meta = row["meta"]
            assert meta["control_id"] in controls(), (
                f"{path.name} judges {meta['control_id']}, which is no control"
            )
            if meta["kind"] == "control":
                judged[meta["control_id"]] = (
                    path.stem,
                    meta["schema"],
                    meta["asset"],
                    row["type"],
                    row["kwargs"],
                )
    passing = {"column": "status", "value_set": ["matched", "within_tolerance"]}
    assert judged == {
        control.id: (control.area, "reconciled", control.model, "expect_column_values_to_be_in_set", passing)
        for control in controls().values()
    }


def test_checks_are_named_once_and_cover_controls_and_canonical_models() -> None:
    checks = load_checks(EXPECTATIONS)
    names = [check.check_name for check in checks]
    assert len(set(names)) == len(names)
    assert check_name(controls()["C07"]) == "c07_three_way_match"
    assert {check.control_id for check in checks if check.kind == "control"} == set(controls())
    assert {check.asset for check in checks if check.kind == "technical"} == {
        c.model for c in controls().values()
    }
    assert {check.object for check in checks if check.kind == "canonical"} == set(canonical_objects())
    assert all(check.key and check.expectations for check in checks)
    facts = {item.name for item in canonical_objects().values() if item.kind == "fact"}
    assert {check.object for check in checks if check.batch_column} == facts


def test_no_expectation_stands_on_money() -> None:
    for check in load_checks(EXPECTATIONS):
        for row in check.expectations:
            if row["type"] != "expect_column_values_to_not_be_null":
                columns = row["kwargs"].get("column_list", [row["kwargs"].get("column")])
                assert not [name for name in columns if name.startswith(MONEY)], (check.check_name, row)


def test_nothing_heavy_is_imported_to_declare_checks() -> None:
    program = (
        "import sys; from finance_sync.controls import load_checks; from finance_sync.settings import load_settings;"
        "assert load_checks(load_settings().expectations_dir);"
        "print({'great_expectations', 'pandas', 'sqlalchemy', 'dagster'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=PROJECT_ROOT
    )
    assert done.stdout.strip() == "set()"


def test_areas_and_files_that_are_not_suites_are_named(tmp_path: Path) -> None:
    with pytest.raises(FinanceSyncError, match="no suite for area 'weather'") as caught:
        load_checks(EXPECTATIONS, ["weather"])
    assert "canonical" in caught.value.remedy
    for text in ("{", "[]", '{"expectations": [{"type": "x"}]}'):
        (tmp_path / "landing.json").write_text(text)
        with pytest.raises(FinanceSyncError, match=r"landing\.json: not a suite"):
            load_checks(tmp_path)


def test_writing_removes_what_is_no_longer_derived(tmp_path: Path) -> None:
    (tmp_path / "canonical").mkdir()
    for name in ("weather.json", "canonical/fct_weather.json"):
        (tmp_path / name).write_text("{}")
    written = write_suites(tmp_path)
    assert sorted(written) == sorted(tmp_path.rglob("*.json"))
    assert len(written) == len(suites())


@pytest.mark.parametrize(
    ("amount", "severity"),
    [("0", "low"), ("999.9999", "low"), ("1000", "medium"), ("24999.9999", "medium"), ("-25000", "high"),
     ("999999.9999", "high"), ("1000000", "critical"), ("99999999999999.9999", "critical")],
)  # fmt: skip
def test_severity_is_the_last_threshold_not_above_the_amount(amount: str, severity: str) -> None:
    assert severity_of(Decimal(amount), controls()["C07"]) == severity


def test_a_result_survives_json_to_the_digit() -> None:
    amount = Decimal("99999999999999.9900")
    result = CheckResult(
        check_name="c07_three_way_match", kind="control", area="procure_to_pay", control_id="C07", asset="rec_c07",
        outcome="failed", severity="critical", blocking=False, rows_compared=7, rows_failed=1, rows_without_amount=0,
        amount_group=amount, group_currency="EUR", by_reason=(ReasonTotal("price", "price_differs", "text", 1, amount),),
        sample=(SampleRow("PO|1", left_amount=amount, amount_group=None),), sample_truncated=False, owner="o",
        remedy="r", description="d", message="m", error="", as_of=date(2026, 1, 31),
    )  # fmt: skip
    travelled = json.loads(json.dumps(result.to_json()))
    assert travelled["amount_group"] == "99999999999999.9900"
    assert CheckResult.from_json(travelled) == result


def test_statuses_that_pass_are_the_two_of_the_specification() -> None:
    assert PASSING == ("matched", "within_tolerance")
