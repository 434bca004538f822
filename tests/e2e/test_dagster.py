"""Nights of the tiny deployment through Dagster, with everything real: landing, dbt, suites, publication."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from finance_sync.controls import load_checks
from finance_sync.orchestration import run_nightly
from finance_sync.orchestration.instance import open_instance, settings_environment
from finance_sync.orchestration.jobs import load_definitions
from finance_sync.orchestration.keys import landing_key, model_key
from finance_sync.orchestration.site import load_site
from finance_sync.orchestration.summary import RunSummary
from finance_sync.settings import Settings, load_settings
from finance_sync.warehouse.publish import read_published

TINY = Path(__file__).parents[1] / "deployments" / "tiny"
UNBALANCED = "J3,1,2026-03-05,T1,C1,6000,2000000.00\n"


class Place:
    """One data home and the sources that it is fed from."""

    def __init__(self, folder: Path) -> None:
        self.sources = folder / "sources"
        shutil.copytree(TINY / "sources", self.sources)
        self.settings: Settings = load_settings(
            deployment=TINY,
            home=folder / "home",
            as_of=date(2026, 3, 15),
            sources={"TINY_DIR": str(self.sources)},
        )

    def night(self) -> RunSummary:
        return run_nightly(self.settings)

    def version(self) -> str:
        return (self.settings.publish_dir / "current").resolve().name

    def runs(self) -> list[dg.DagsterRunStatus]:
        with open_instance(self.settings) as instance:
            return [run.status for run in instance.get_runs()]

    def check(self, asset: dg.AssetKey, name: str) -> dg.AssetCheckEvaluation:
        with open_instance(self.settings) as instance:
            key = dg.AssetCheckKey(asset, name)
            return instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key].evaluation


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("tiny"))


@pytest.mark.slow
@pytest.mark.xdist_group("dagster")
@pytest.mark.first
def test_nights_good_quiet_broken_and_blocked(place: Place) -> None:
    # A good night: the one planted overspending is found, in the register and in its check.
    good = place.night()
    assert (good.exit_code, good.technical, good.rows, good.count("landed")) == (0, (), 10, 4)
    over = next(line for line in good.controls if line.control_id == "C25")
    assert (over.outcome, over.exceptions, over.amount, over.currency) == (
        "failed",
        1,
        Decimal("20.00"),
        "EUR",
    )
    assert {line.control_id for line in good.controls if line.outcome == "not_applicable"} >= {"C07", "C09"}
    shown = place.check(model_key("reconciled", "rec_c25"), over.check)
    assert not shown.passed
    assert shown.metadata["exceptions"].value == 1
    assert "months:2026-P02" in shown.metadata["sample"].value
    actual = read_published(place.settings, "select sum(amount_group) as a from mart_exceptions")
    assert actual["a"][0].as_py() == Decimal("20.00")
    version = place.version()
    assert good.version == version

    # Nothing new: nothing changes, and the runs are there to see.
    quiet = place.night()
    assert (quiet.exit_code, quiet.count("unchanged"), quiet.unchanged, place.version()) == (
        0,
        4,
        True,
        version,
    )
    assert quiet.rebuilt == {}
    assert place.runs() == [dg.DagsterRunStatus.SUCCESS] * 2

    # One file is gone, another has news: what can be done is done.
    ledger = place.sources / "erp" / "gl_line.csv"
    text = ledger.read_text()
    ledger.unlink()
    with (place.sources / "plan" / "budget.csv").open("a") as budget:
        budget.write("B1,4,2026-02-01,T1,C1,6000,20.00\n")
    broken = place.night()
    assert (broken.exit_code, broken.count("failed"), broken.count("landed")) == (2, 1, 1)
    assert "erp.gl_line" in broken.technical[0]
    assert not place.check(landing_key("erp", "gl_line"), "landed").passed
    assert next(line for line in broken.controls if line.control_id == "C25").outcome == "passed"
    assert place.version() == broken.version != version
    assert place.runs()[0] == dg.DagsterRunStatus.FAILURE
    version = place.version()

    # A journal that does not balance, by two millions: the ledger's control blocks.
    ledger.write_text(text + UNBALANCED)
    blocked = place.night()
    assert (blocked.exit_code, blocked.blocked_by) == (3, ("c02_ledger_balance",))
    assert place.version() == version
    gate = place.check(model_key("marts", "mart_control_results"), "publication_gate")
    assert not gate.passed
    assert "c02_ledger_balance" in gate.metadata["publication stopped by"].value

    # Mended: published again.
    ledger.write_text(text)
    mended = place.night()
    assert (mended.exit_code, mended.blocked_by) == (0, ())
    assert place.version() == mended.version


@pytest.mark.xdist_group("dagster")
def test_the_graph_has_every_object_every_model_and_every_check(place: Place) -> None:
    site = load_site(place.settings)
    graph = load_definitions(place.settings).resolve_asset_graph()
    keys = set(graph.get_all_asset_keys())
    for system in site.deployment.systems.values():
        assert {landing_key(system.system, name) for name in system.objects} <= keys
    built = [n for n in site.manifest["nodes"].values() if n["resource_type"] == "model"]
    names = {n["name"] for n in built if n["config"]["materialized"] != "ephemeral"}
    assert {
        key.path[-1] for key in keys if key.path[0] in {"staging", "canonical", "reconciled", "marts"}
    } == names
    assert {key.path[0] for key in keys} == {
        "landing",
        "staging",
        "canonical",
        "reconciled",
        "marts",
        "publication",
    }
    declared = {key.name for key in graph.asset_check_keys}
    assert {check.check_name for check in load_checks(place.settings.expectations_dir)} <= declared
    for key in keys - {k for k in keys if k.path[0] == "publication"}:
        assert graph.get(key).description, key
        assert graph.get(key).owners, key


@pytest.mark.slow
@pytest.mark.xdist_group("dagster")
def test_the_read_only_ui_shows_everything_starts_nothing_and_stops_cleanly(place: Place) -> None:
    load_site(place.settings)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    values = {**os.environ, **settings_environment(place.settings)}
    command = [sys.executable, "-m", "finance_sync.cli", "ui", "--read-only", "--port", str(port)]
    with subprocess.Popen(
        command, env=values, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as ui:
        try:
            assert ui.stdout is not None
            lines = [ui.stdout.readline() for _ in range(2)]
            assert f"http://127.0.0.1:{port}" in lines[1], lines
            workspace = _ask(
                port,
                "{workspaceOrError{... on Workspace{locationEntries{loadStatus}}} assetNodes{assetKey{path}}}",
            )
            assert [entry["loadStatus"] for entry in workspace["workspaceOrError"]["locationEntries"]] == [
                "LOADED"
            ]
            paths = ["/".join(node["assetKey"]["path"]) for node in workspace["assetNodes"]]
            assert {"landing/erp/gl_line", "reconciled/rec_c25", "publication/published_marts"} <= set(paths)
            launched = _ask(
                port,
                'mutation{launchRun(executionParams:{selector:{repositoryName:"__repository__",jobName:"nightly",'
                'repositoryLocationName:"finance_sync.definitions"},mode:"default"}){__typename}}',
            )
            assert launched == {"launchRun": {"__typename": "UnauthorizedError"}}
        finally:
            ui.send_signal(signal.SIGINT)
            ui.communicate(timeout=90)
    assert ui.returncode == 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def _ask(port: int, query: str) -> dict[str, Any]:
    body = json.dumps({"query": query}).encode()
    url = f"http://127.0.0.1:{port}/graphql"
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=180) as answer:
        return dict(json.load(answer)["data"])
