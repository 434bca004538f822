"""A site whose parts are stand-ins: what the steps make of results, without landing, dbt or suites.

Belongs here: the stand-ins. Does not: assertions.
"""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from finance_sync.catalog import load_deployment
from finance_sync.controls import Check, CheckResult, load_checks
from finance_sync.errors import OperationsError
from finance_sync.exceptions.sync import Listed, Synced
from finance_sync.landing import Batch, LandingResult
from finance_sync.orchestration import (
    bench,
    dbt_assets,
    instance,
    jobs,
    landing_assets,
    nightly,
    publication,
    register,
)
from finance_sync.orchestration.site import Site
from finance_sync.orchestration.summary import RunSummary
from finance_sync.reports import Written
from finance_sync.settings import load_settings
from finance_sync.warehouse.build import BuildResult
from finance_sync.warehouse.project import ModelResult, Prepared
from finance_sync.warehouse.publish import Publication

TINY = Path(__file__).parents[2] / "deployments" / "tiny"
STAGING = {
    "stg_plan__budget": "plan",
    "stg_erp__account": "erp",
    "stg_erp__cost_center": "erp",
    "stg_erp__gl_line": "erp",
}
PACKAGE = {
    "dim_account": ("canonical", ["stg_erp__account"]),
    "fct_journal_line": ("canonical", ["stg_erp__gl_line", "dim_account"]),
    "fct_budget_line": ("canonical", ["stg_plan__budget", "dim_account"]),
    "rec_c01": ("reconciled", []),
    "rec_c02": ("reconciled", ["fct_journal_line"]),
    "rec_c07": ("reconciled", ["fct_journal_line"]),
    "rec_c25": ("reconciled", ["fct_journal_line", "fct_budget_line"]),
    "mart_control_results": ("marts", ["rec_c01", "rec_c02", "rec_c07", "rec_c25"]),
    "mart_budget_vs_actual": ("marts", ["fct_journal_line", "fct_budget_line"]),
}
TEST = "test.finance_sync.grain_dim_account.0123456789"


def unique_id(name: str) -> str:
    """Id of a model in the manifest."""
    return f"model.{'deployment' if name in STAGING else 'finance_sync'}.{name}"


def manifest() -> dict[str, Any]:
    """A manifest with the parts of dbt's that are read."""
    nodes: dict[str, Any] = {}
    for name, system in STAGING.items():
        raw = (TINY / "staging" / system / f"{name}.sql").read_text()
        nodes[unique_id(name)] = _node(name, ["deployment", name], "view", raw, [])
    for name, (layer, parents) in PACKAGE.items():
        node = _node(
            name, ["finance_sync", layer, name], "table", "select 1", [unique_id(p) for p in parents]
        )
        if name == "rec_c01":
            node["depends_on"]["nodes"].append("source.finance_sync.meta.batch")
        nodes[unique_id(name)] = node
    # Ephemeral: no table, no asset; who uses it depends on what it uses.
    middle = _node(
        "int_middle",
        ["finance_sync", "canonical", "int_middle"],
        "ephemeral",
        "select 1",
        [unique_id("dim_account")],
    )
    nodes[unique_id("int_middle")] = middle
    nodes[unique_id("fct_budget_line")]["depends_on"]["nodes"] = [
        unique_id("stg_plan__budget"),
        unique_id("int_middle"),
    ]
    nodes[TEST] = {
        "unique_id": TEST, "resource_type": "test", "attached_node": unique_id("dim_account"),
        "depends_on": {"nodes": [unique_id("dim_account")]}, "config": {},
    }  # fmt: skip
    source = {"unique_id": "source.finance_sync.meta.batch", "resource_type": "source", "name": "batch",
              "source_name": "meta", "schema": "meta", "database": "w", "columns": {}, "config": {}, "meta": {}}  # fmt: skip
    return {"metadata": {"adapter_type": "duckdb"}, "nodes": nodes, "sources": {source["unique_id"]: source}}


def _node(name: str, fqn: list[str], materialized: str, raw: str, parents: list[str]) -> dict[str, Any]:
    return {
        "unique_id": unique_id(name), "resource_type": "model", "name": name, "alias": name, "schema": fqn[-2],
        "database": "w", "package_name": fqn[0], "fqn": fqn, "raw_code": raw, "description": f"About {name}.",
        "depends_on": {"nodes": list(parents)}, "config": {"materialized": materialized}, "meta": {}, "tags": [],
        "checksum": {"checksum": "1"}, "columns": {"a": {"name": "a", "data_type": "text", "description": "An A."}},
    }  # fmt: skip


@dataclass
class World:
    """Stand-ins that remember what they were asked, and do what a test tells them."""

    site: Site
    failing: set[str] = field(default_factory=set)
    nothing_new: bool = False
    broken_models: set[str] = field(default_factory=set)
    verdicts: dict[str, dict[str, Any]] = field(default_factory=dict)
    landed: list[str] = field(default_factory=list)
    built: list[tuple[str, list[str] | None]] = field(default_factory=list)
    published: int = 0
    said: list[str] = field(default_factory=list)
    synced: list[dict[str, Any]] = field(default_factory=list)
    register_fails: bool = False
    report_fails: Exception | None = None

    def run(self, **arguments: Any) -> RunSummary:
        """The night."""
        return nightly.run_nightly(self.site.settings, progress=self.said.append, **arguments)

    def runs(self) -> list[dg.DagsterRun]:
        """What the UI would list, newest first."""
        with instance.open_instance(self.site.settings) as found:
            return list(found.get_runs())

    def land(
        self,
        settings: Any,
        deployment: Any,
        system: str,
        objects: Iterable[str],
        *,
        correlation_id: str,
        on_progress: Callable[[LandingResult], None],
    ) -> list[LandingResult]:
        results = []
        for name in objects:
            self.landed.append(f"{system}.{name}")
            if name in self.failing:
                message = f"{system}.{name}: cannot be reached"
                found = LandingResult(system, name, "failed", error=message, remedy="look at its server")
            elif self.nothing_new:
                found = LandingResult(system, name, "unchanged")
            else:
                batch = Batch(
                    batch_id="000001-0123456789ab", seq=1, system=system, object=name, mode="snapshot",
                    pulled_at=datetime(2026, 3, 15), rows_accepted=4, rows_seen=4,
                )  # fmt: skip
                found = LandingResult(system, name, "landed", batch)
            on_progress(found)
            results.append(found)
        return results

    def build(
        self,
        settings: Any,
        deployment: Any,
        *,
        layers: tuple[str],
        periods: list[str] | None,
        prepared: Prepared,
        on_event: Callable[[ModelResult], None],
    ) -> BuildResult:
        step = layers[0]
        self.built.append((step, periods))
        names = [*STAGING, *(n for n, (layer, _) in PACKAGE.items() if layer == "canonical")]
        names = (
            names if step == "canonical" else [n for n, (layer, _) in PACKAGE.items() if layer != "canonical"]
        )
        models, stopped = [], False
        for name in names:
            status = "skipped" if stopped else "error" if name in self.broken_models else "success"
            stopped = stopped or status == "error"
            models.append(
                ModelResult(
                    unique_id(name), "model", status, 0.1, "division by zero" if status == "error" else "", 0
                )
            )
            on_event(models[-1])
        if step == "canonical":
            models.append(ModelResult(TEST, "test", "skipped" if stopped else "pass", 0.1, "", 0))
        return BuildResult(tuple(models), 1, {} if self.nothing_new else {step: "first build"})

    def judge(self) -> list[CheckResult]:
        return [
            verdict(check, **self.verdicts.get(check.check_name, {}))
            for check in load_checks(self.site.settings.expectations_dir)
        ]

    def sync(self, operations: Any, listed: Listed, rules: Any, **how: Any) -> Synced:
        self.synced.append(how)
        if self.register_fails:
            raise OperationsError("the register is away", remedy="bring it back")
        return Synced({"opened": 3, "gone": 1}, live=5, waiting=4, overdue=2)

    def publish(self, settings: Any, deployment: Any, prepared: Prepared, beside: Any) -> Publication:
        self.published += 1
        version = settings.publish_dir / "versions" / f"v{self.published}"
        version.mkdir(parents=True)
        link = settings.publish_dir / "current"
        link.unlink(missing_ok=True)
        link.symlink_to(version)
        return Publication(version, f"v{self.published}", {"mart_budget_vs_actual": 3}, unchanged=False)

    def write_report(self, settings: Any, deployment: Any) -> Written:
        if self.report_fails:
            raise self.report_fails
        return Written(settings.reports_dir / "of-the-run.html", 1234, f"v{self.published}")


def verdict(check: Check, **values: Any) -> CheckResult:
    """A passing verdict, but for the given fields."""
    passing = CheckResult(
        check_name=check.check_name, kind=check.kind, area=check.area, control_id=check.control_id, asset=check.asset,
        outcome="passed", severity=None, blocking=False, rows_compared=7, rows_failed=0, rows_without_amount=0,
        amount_group=Decimal("0.0000"), group_currency="EUR", by_reason=(), sample=(), sample_truncated=False,
        owner="somebody", remedy="do something", description="", message="holds", error="", as_of=date(2026, 3, 31),
    )  # fmt: skip
    return dataclasses.replace(passing, **values)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A tiny site with stand-ins for everything that works."""
    sources = tmp_path / "sources"
    shutil.copytree(TINY / "sources", sources)
    settings = load_settings(
        deployment=TINY, home=tmp_path / "home", as_of=date(2026, 3, 15), sources={"TINY_DIR": str(sources)}
    )
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest()))
    site = Site(settings, load_deployment(settings), Prepared(tmp_path, path, "1"))
    stand_in = World(site)

    class Process:
        def judge(self, *, as_of: date) -> list[CheckResult]:
            assert as_of == date(2026, 3, 15)
            return stand_in.judge()

        def close(self) -> None:
            pass

    monkeypatch.setattr(landing_assets, "land_system", stand_in.land)
    monkeypatch.setattr(dbt_assets, "build", stand_in.build)
    monkeypatch.setattr(bench, "warm_up", lambda settings: Process())
    nothing = Listed("", pl.DataFrame(), pl.DataFrame(), frozenset())
    monkeypatch.setattr(register, "open_warehouse", lambda settings: io.BytesIO())
    monkeypatch.setattr(register, "read_marts", lambda warehouse: nothing)
    monkeypatch.setattr(register, "sync", stand_in.sync)
    monkeypatch.setattr(publication, "publish", stand_in.publish)
    monkeypatch.setattr(publication, "write_report", stand_in.write_report)
    monkeypatch.setattr(
        nightly, "load_site", lambda _, progress: dataclasses.replace(site, progress=progress)
    )
    monkeypatch.setattr(jobs, "load_site", lambda _: site)
    return stand_in
