"""The product's own tables hold together, and what is generated from them is what is committed."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pyarrow as pa
import pytest
import yaml

from finance_sync.catalog import canonical_objects, controls, currencies, minor_units, reference_tables
from finance_sync.catalog.contracts import canonical_contracts
from finance_sync.catalog.product import dimension_codes
from finance_sync.catalog.schemas import MODELS, json_schema
from finance_sync.catalog.types import DECIMALS, arrow_type, sql_type
from finance_sync.settings import PROJECT_ROOT

from .conftest import FILES


def test_contracts_of_the_canonical_models_are_generated() -> None:
    committed = PROJECT_ROOT / "dbt_project" / "models" / "canonical" / "_canonical.yml"
    assert committed.read_text(encoding="utf-8") == canonical_contracts(), "run `make generate`"


@pytest.mark.parametrize("name", MODELS)
def test_json_schemas_are_generated(name: str) -> None:
    committed = PROJECT_ROOT / "docs" / "schema" / f"{name}.schema.json"
    assert committed.read_text(encoding="utf-8") == json_schema(name), "run `make generate`"


def test_json_schemas_accept_what_the_loader_accepts_and_find_a_typo() -> None:
    for name, file in (("system", "systems/erp.yaml"), ("deployment", "deployment.yaml")):
        schema, data = json.loads(json_schema(name)), yaml.safe_load(FILES[file])
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.validate(data, schema)
        with pytest.raises(jsonschema.ValidationError, match="titel"):
            jsonschema.validate({**data, "titel": "x"}, schema)
    broken = yaml.safe_load(FILES["systems/erp.yaml"])
    broken["objects"]["journals"]["feeds"] = ["journal_lines"]
    with pytest.raises(jsonschema.ValidationError, match="journal_lines"):
        jsonschema.validate(broken, json.loads(json_schema("system")))


def test_contract_of_a_fact() -> None:
    models = {model["name"]: model for model in yaml.safe_load(canonical_contracts())["models"]}
    journal = models["fct_journal_line"]
    assert journal["config"]["contract"] == {"enforced": True}
    columns = {column["name"]: column for column in journal["columns"]}
    assert len(columns) == len(journal["columns"]), (
        "no column twice, though the feed and the model both have fiscal_year"
    )
    assert columns["amount_functional"]["data_type"] == "numeric(18,4)"
    assert columns["amount_functional"]["constraints"] == [{"type": "not_null"}]
    assert "constraints" not in columns["amount_group"]
    assert {"account_id", "account_code", "segment_6", "fiscal_period_id", "batch_id"} <= columns.keys()
    assert "constraints" not in columns["entity_code"], (
        "a fact without an entity falls on UNMAPPED; it does not stop the night"
    )
    assert "unique_in_new_batches" in columns["record_key"]["data_tests"][0]
    budget = {column["name"]: column for column in models["fct_budget_line"]["columns"]}
    assert "unique_in_new_batches" in budget["line_key"]["data_tests"][0]
    assert "data_tests" not in budget["record_key"], "an annual line is spread over several periods"
    assert "unique" in models["dim_account"]["columns"][0]["data_tests"][0]


def test_contract_of_a_dimension_speaks_canonical_ids() -> None:
    columns = [column.name for column in canonical_objects()["cost_center"].columns]
    assert columns[:2] == ["cost_center_id", "source_system"]
    assert {"parent_cost_center_id", "legal_entity_id", "is_deleted"} <= set(columns)
    assert not [column for column in columns if column.endswith("_code")]
    kept = [column.name for column in canonical_objects()["supplier"].columns]
    assert "country_code" in kept, "a code that is no dimension keeps its name"


def test_every_object_names_its_key_and_date_among_its_columns() -> None:
    for item in canonical_objects().values():
        columns = [column.name for column in item.columns]
        assert len(columns) == len(set(columns)), item.name
        assert set(item.key) <= set(columns), item.name
        assert item.date is None or item.date in columns, item.name
        assert set(item.dimensions) <= set(dimension_codes()), item.name
    for table in reference_tables().values():
        assert set(table.key) <= {column.name for column in table.columns}, table.name


def test_controls_are_complete() -> None:
    roles = next(c.values for c in reference_tables()["account_roles"].columns if c.name == "role") or ()
    known = {*canonical_objects(), *reference_tables(), *(f"account_roles={role}" for role in roles)}
    models = [control.model for control in controls().values()]
    assert len(set(models)) == len(models)
    for number, control in controls().items():
        assert control.id == number
        assert control.model == f"rec_{number.lower()}"
        assert {name for need in control.needs for name in need.split("|")} <= known, number
        amounts = [severity.from_amount for severity in control.severities]
        assert amounts[0] == 0, f"{number}: every amount has a severity"
        assert amounts == sorted(set(amounts)), number
        days = [severity.days for severity in control.severities]
        assert days == sorted(days, reverse=True), f"{number}: more at risk, less time"
        assert control.reasons
        assert control.remedy
        assert control.tolerance.reason


def test_minor_units_are_those_of_iso_4217() -> None:
    units = minor_units()
    codes = currencies()["currency_code"].to_pylist()
    assert len(codes) == len(set(codes))
    zero = set("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split())
    three = set("BHD IQD JOD KWD LYD OMR TND".split())
    table = currencies()
    current = {row["currency_code"] for row in table.to_pylist() if row["withdrawn_on"] is None}
    assert {code for code in current if units.get(code) == 0} == zero
    assert {code for code in current if units.get(code) == 3} == three
    assert {code for code in current if units.get(code) == 4} == {"CLF", "UYW"}
    assert {code for code in current if code not in units} == set(
        "XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX".split()
    )
    assert (units["EUR"], units["MGA"], units["HUF"], units["DEM"]) == (2, 2, 2, 2)
    assert {"AED", "USD", "ZWG", "XCG", "SLE"} <= current
    assert not {"HRK", "DEM", "ANG", "BGN"} & current


def test_types_are_the_same_width_in_arrow_and_sql() -> None:
    for name, (precision, scale) in DECIMALS.items():
        assert arrow_type(name) == pa.decimal128(precision, scale)
        assert sql_type(name, "duckdb") == sql_type(name, "postgres") == f"numeric({precision},{scale})"
    product = DECIMALS["quantity"][0] + DECIMALS["price"][0]
    assert product <= 38, "quantity x price fits every engine's widest decimal"


def test_a_deployment_in_the_repository_is_valid() -> None:
    from finance_sync.catalog import load_deployment
    from finance_sync.settings import load_settings

    folders = [path.parent for path in (PROJECT_ROOT / "tests" / "deployments").glob("*/deployment.yaml")]
    folders += [path.parent for path in (PROJECT_ROOT / "data").glob("*/deployment.yaml")]
    assert folders
    for folder in folders:
        assert load_deployment(load_settings(deployment=Path(folder))).systems
