"""The Great Expectations suites as text, derived from controls.yaml and canonical.yaml.

Belongs here: which expectations a control, a reconciled model, a canonical model and a mart get. Does not:
judging. The files in expectations/ are the result; a test proves that they are equal, and that every control
has its expectation.

Suites assert on counts, flags, statuses, keys and null-ness only: GX turns bounds into floats, and the
comparison of money is made in SQL on exact decimals before GX looks.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

from finance_sync.catalog.product import CanonicalObject, Control, Status, canonical_objects, controls
from finance_sync.controls.results import Kind

PASSING = ("matched", "within_tolerance")
STATUSES: tuple[str, ...] = (*PASSING, *get_args(Status))
GX_FORMAT = "1.24.1"  # version of GX whose JSON form the suites have

# Grain of the marts that a reader counts or sums. The others state and test theirs in dbt.
MART_GRAINS: dict[str, tuple[str, ...]] = {
    "mart_control_results": ("control_id", "legal_entity_id", "fiscal_period_id"),
    "mart_exceptions": ("exception_id",),
    "mart_sync_health": ("system", "object"),
}
# A mart column with a closed list of values, beside its grain.
MART_VALUES: dict[str, dict[str, tuple[str, ...]]] = {
    "mart_exceptions": {
        "severity": ("low", "medium", "high", "critical"),
        "status": STATUSES[len(PASSING) :],
    },
}


def check_name(control: Control) -> str:
    """Name of a control's check: number and name, e.g. ``c07_three_way_match``."""
    return f"{control.id.lower()}_{re.sub(r'[^a-z0-9]+', '_', control.name.lower()).strip('_')}"


def suites() -> dict[str, str]:
    """Path below expectations/ -> text: one suite per control area, one per canonical model and mart."""
    areas: dict[str, list[Control]] = {}
    for control in controls().values():
        areas.setdefault(control.area, []).append(control)
    files = {
        f"{area}.json": _suite(area, [e for c in rows for e in _control(c)]) for area, rows in areas.items()
    }
    for item in canonical_objects().values():
        files[f"canonical/{item.model}.json"] = _suite(f"canonical_{item.model}", _canonical(item))
    for mart, grain in MART_GRAINS.items():
        files[f"marts/{mart}.json"] = _suite(f"marts_{mart}", _mart(mart, grain))
    return files


def write_suites(folder: Path) -> list[Path]:
    """Write the suites below a folder, remove those no longer derived, and return the files written."""
    wanted = {folder / name: text for name, text in suites().items()}
    for path in {*folder.glob("*.json"), *folder.glob("*/*.json")} - set(wanted):
        path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(wanted)


def _control(control: Control) -> list[dict[str, Any]]:
    """The judgement itself, and the shape that makes it trustworthy."""
    place = {
        "control_id": control.id,
        "schema": "reconciled",
        "asset": control.model,
        "key": ["business_key", "aspect"],
    }
    judged = {"check": check_name(control), "kind": "control", **place}
    shape = {"check": f"technical_{control.model}", "kind": "technical", **place}
    return [
        _in_set(
            "status",
            PASSING,
            judged,
            severity="critical" if control.blocking else "warning",
            description=f"{control.id} {control.name}: every comparison matches or is within tolerance.",
        ),
        *(
            _not_null(column, shape)
            for column in ("control_id", "legal_entity_id", "fiscal_period_id", "status", "row_count")
        ),
        _in_set("control_id", (control.id,), shape),
        _in_set("status", STATUSES, shape, description="Statuses are those of SPEC 7."),
        _in_set(
            "reason_code",
            tuple(control.reasons),
            shape,
            description="Reasons are those of the controls table.",
        ),
        _expectation(
            "expect_column_values_to_be_between",
            {"column": "row_count", "min_value": 1},
            shape,
            description="A row stands for at least one comparison.",
        ),
    ]


def _canonical(item: CanonicalObject) -> list[dict[str, Any]]:
    """Keys, codes and closed lists. Those of dimensions are left to dbt, which knows UNMAPPED and NONE."""
    fact = item.kind == "fact"
    meta: dict[str, Any] = {
        "check": f"canonical_{item.model}",
        "kind": "canonical",
        "schema": "canonical",
        "asset": item.model,
        "key": list(item.key),
        "object": item.name,
    }
    if fact:
        meta["batch_column"] = "batch_id"
    rows = [_not_null(column.name, meta) for column in item.columns if column.required]
    if fact:
        rows += [_in_set(column.name, column.values, meta) for column in item.columns if column.values]
    # Of a fact only new batches are judged on a delta. Where all of it is new, dbt's own grain test reads the
    # whole table.
    grain = {**meta, "delta_only": True} if fact else meta
    return [*rows, _unique(item.key, grain, description=f"Grain: {item.grain}.")]


def _mart(mart: str, grain: tuple[str, ...]) -> list[dict[str, Any]]:
    kind: Kind = "marts"
    meta = {"check": f"marts_{mart}", "kind": kind, "schema": "marts", "asset": mart, "key": list(grain)}
    return [
        # A NULL in a compound key hides its duplicates from GX, so the key must be filled first.
        *(_not_null(column, meta) for column in grain),
        *(_in_set(column, values, meta) for column, values in MART_VALUES.get(mart, {}).items()),
        _unique(grain, meta, description=f"Grain: one row per {', '.join(grain)}."),
    ]


def _not_null(column: str, meta: dict[str, Any]) -> dict[str, Any]:
    return _expectation("expect_column_values_to_not_be_null", {"column": column}, meta)


def _in_set(
    column: str,
    values: tuple[str, ...],
    meta: dict[str, Any],
    *,
    severity: str = "critical",
    description: str = "",
) -> dict[str, Any]:
    kwargs = {"column": column, "value_set": list(values)}
    return _expectation(
        "expect_column_values_to_be_in_set", kwargs, meta, severity=severity, description=description
    )


def _unique(columns: tuple[str, ...], meta: dict[str, Any], *, description: str) -> dict[str, Any]:
    if len(columns) == 1:
        return _expectation(
            "expect_column_values_to_be_unique", {"column": columns[0]}, meta, description=description
        )
    return _expectation(
        "expect_compound_columns_to_be_unique", {"column_list": list(columns)}, meta, description=description
    )


def _expectation(
    kind: str,
    kwargs: dict[str, Any],
    meta: dict[str, Any],
    *,
    severity: str = "critical",
    description: str = "",
) -> dict[str, Any]:
    row: dict[str, Any] = {"type": kind, "kwargs": kwargs, "meta": meta}
    if description:
        row["description"] = description
    return {**row, "severity": severity}


def _suite(name: str, expectations: list[dict[str, Any]]) -> str:
    suite = {
        "name": name,
        "id": None,
        "expectations": expectations,
        "meta": {"great_expectations_version": GX_FORMAT},
        "notes": "Derived from finance_sync/catalog by `finance-sync catalog generate`; a test compares.",
    }
    return json.dumps(suite, indent=2, ensure_ascii=False) + "\n"
