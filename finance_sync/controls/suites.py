"""The suites of expectations/ as checks: which expectations judge which model, under which name.

Belongs here: reading GX's own JSON without importing GX, so that checks can be declared cheaply. Does not:
writing the JSON from the catalog (generate), judging (judge).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from finance_sync.controls.results import Kind
from finance_sync.errors import FinanceSyncError


@dataclass(frozen=True)
class Check:
    """One check: the expectations of one name on one table.

    Attributes:
        check_name: see results.CheckResult.
        kind: control, technical, canonical or marts.
        area: name of the suite's file or folder.
        control_id: number of the control, or None.
        schema: warehouse schema of the table.
        asset: table and dbt model.
        key: columns that name a row in a sample (checks on shape).
        batch_column: column with the landed batch, where only new batches are judged; else None.
        object: canonical object, for canonical checks; else None.
        expectations: GX's own JSON, in the suite's order.
    """

    check_name: str
    kind: Kind
    area: str
    control_id: str | None
    schema: str
    asset: str
    key: tuple[str, ...]
    batch_column: str | None
    object: str | None
    expectations: tuple[Mapping[str, Any], ...]


def load_checks(folder: Path, areas: Iterable[str] | None = None) -> list[Check]:
    """The checks of the suites below a folder: ``<area>.json`` and ``<area>/<model>.json``.

    Args:
        folder: settings.expectations_dir.
        areas: areas to read; None reads all.

    Returns:
        Checks by area (control areas first), in the order of the suites.

    Raises:
        FinanceSyncError: an area has no suite, or a suite is not what it must be; names the file.
    """
    files = _files(folder)
    wanted = list(files) if areas is None else list(areas)
    checks: list[Check] = []
    for area in wanted:
        if area not in files:
            raise FinanceSyncError(
                f"no suite for area {area!r} in {folder}",
                remedy=f"use one of {', '.join(files) or 'none (empty folder)'}",
            )
        for path in files[area]:
            checks += _checks(path, area)
    return checks


def _files(folder: Path) -> dict[str, list[Path]]:
    single = {path.stem: [path] for path in sorted(folder.glob("*.json"))}
    sets: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*/*.json")):
        sets.setdefault(path.parent.name, []).append(path)
    return {**single, **sets}


def _checks(path: Path, area: str) -> list[Check]:
    try:
        suite = json.loads(path.read_bytes())
        grouped: dict[str, list[Mapping[str, Any]]] = {}
        for expectation in suite["expectations"]:
            grouped.setdefault(expectation["meta"]["check"], []).append(expectation)
        return [_check(name, area, rows) for name, rows in grouped.items()]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise FinanceSyncError(
            f"{path}: not a suite of this project ({type(error).__name__}: {error})",
            remedy="write the suites again from the catalog (`finance-sync catalog generate`)",
        ) from error


def _check(name: str, area: str, expectations: list[Mapping[str, Any]]) -> Check:
    meta = expectations[0]["meta"]
    kind: Kind = meta["kind"]
    if kind not in get_args(Kind):
        raise KeyError(f"kind {kind!r} of check {name}")
    return Check(
        check_name=name,
        kind=kind,
        area=area,
        control_id=meta.get("control_id"),
        schema=meta["schema"],
        asset=meta["asset"],
        key=tuple(meta.get("key", ())),
        batch_column=meta.get("batch_column"),
        object=meta.get("object"),
        expectations=tuple(expectations),
    )
