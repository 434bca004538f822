"""The dbt contracts of the canonical models, generated from canonical.yaml.

Belongs here: dbt_project/models/canonical/_canonical.yml as text. Does not: the SQL that satisfies it
(dbt_project), models that no staging feeds (entities, currencies, fiscal periods: their own yml).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from finance_sync.catalog.product import CanonicalObject, Column, canonical_objects
from finance_sync.catalog.types import sql_type

HEADER = """\
# Generated from finance_sync/catalog/canonical.yaml by `finance-sync catalog generate`. Do not edit: a test
# compares.
# not_null is a constraint of the table, enforced by the engine on every write, so it costs no query.
"""
MEMBERS_TEXT = "the members UNMAPPED (a code without counterpart) and NONE (no code given)"
MEMBERS = "('UNMAPPED', 'NONE')"  # the named members of each dimension, which no source supplies


def canonical_contracts() -> str:
    """Text of dbt_project/models/canonical/_canonical.yml: one enforced contract per canonical object."""
    objects = canonical_objects().values()
    models = [_model(item) for item in objects] + [_versions(item) for item in objects if item.versions]
    document = {"version": 2, "models": models}
    body: str = yaml.dump(document, sort_keys=False, allow_unicode=True, width=130, Dumper=_Dumper)
    return HEADER + body


def write_canonical_contracts(dbt_package: Path) -> Path:
    """Write the contracts into the dbt package and return the file."""
    path = dbt_package / "models" / "canonical" / "_canonical.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(canonical_contracts(), encoding="utf-8")
    return path


def _model(item: CanonicalObject) -> dict[str, Any]:
    description = f"Grain: {item.grain}."
    if item.kind == "dimension":
        description += f" Beside the fed rows it holds {MEMBERS_TEXT}."
    return {
        "name": item.model,
        "description": description,
        "config": {
            "contract": {"enforced": True},
            "tags": ["canonical", item.kind],
            # read by the macro union_feeds: what a staging model may supply, and in which type
            "meta": {
                "object": item.name,
                "feed_columns": {column.name: sql_type(column.type) for column in item.feed_columns},
                "feed_required": [column.name for column in item.feed if column.required],
            },
        },
        "columns": [_column(item, column) for column in item.columns],
    }


def _versions(item: CanonicalObject) -> dict[str, Any]:
    """The model of an object's earlier versions: the same columns, one row a landed version that a later one replaced."""
    model = _model(item)
    for column in model["columns"]:
        column.pop("data_tests", None)
    return model | {
        "name": f"{item.model}_version",
        "description": (
            f"Grain: one row per version of a record of {item.model} that landed and that a later batch replaced; the present "
            "version stands there. Empty until something changes. Objects pulled in full keep none."
        ),
        "data_tests": [
            {
                "unique_together": {
                    "arguments": {"columns": ["record_key", "batch_id"]},
                    "config": {"tags": ["grain"]},
                }
            }
        ],
    }


def _column(item: CanonicalObject, column: Column) -> dict[str, Any]:
    text: dict[str, Any] = {"name": column.name, "data_type": sql_type(column.type)}
    if column.description:
        text["description"] = column.description
    if column.required:
        text["constraints"] = [{"type": "not_null"}]
    tests: list[Any] = []
    if item.key == (column.name,):
        # facts: rows of batches that this build read; incremental writes by key keep the others unique
        test = "unique" if item.kind == "dimension" else "unique_in_new_batches"
        tests.append({test: {"config": {"tags": ["grain"]}}})
    if column.values:
        config: dict[str, Any] = {"tags": ["values"]}
        if item.kind == "dimension":
            config["where"] = f"{item.key[0]} not in {MEMBERS}"
        tests.append({"accepted_values": {"arguments": {"values": list(column.values)}, "config": config}})
    if tests:
        text["data_tests"] = tests
    return text


class _Dumper(yaml.SafeDumper):
    """Indents lists below their key, as the hand-written files do."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        super().increase_indent(flow, indentless=False)
