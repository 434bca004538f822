"""What is built again and what stands: a layer stands exactly when nothing that it is made of has changed.

dbt itself is left out: the test watches which layers a build asks it for.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from finance_sync.catalog import load_deployment
from finance_sync.landing import land_system
from finance_sync.settings import Settings, load_settings
from finance_sync.warehouse import build as module
from finance_sync.warehouse.build import build
from finance_sync.warehouse.project import ModelResult, Prepared

TINY = Path(__file__).parents[2] / "deployments" / "tiny"
BOTH = ["canonical", "reconciled"]


class Home:
    """A copy of the smallest deployment, landed and built once."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tiny = Path(shutil.copytree(TINY, folder / "tiny"))
        self.home = folder / "home"
        self.asked: list[str] = []
        self.breaks = False
        monkeypatch.setattr(module, "run_dbt", self._dbt)
        self.land()
        assert self.build() == BOTH

    def _dbt(self, *_: Any, layer: str, **__: Any) -> list[ModelResult]:
        self.asked.append(layer)
        return [ModelResult("model.a.b", "model", "error", 0, "", 0)] if self.breaks else []

    def settings(self, **more: Any) -> Settings:
        sources = {"TINY_DIR": str(self.tiny / "sources")}
        return load_settings(home=self.home, deployment=self.tiny, sources=sources, **more)

    def land(self) -> None:
        settings = self.settings()
        deployment = load_deployment(settings)
        for system in deployment.systems:
            land_system(settings, deployment, system)

    def build(self, **more: Any) -> list[str]:
        """Layers that dbt was asked for."""
        self.asked = []
        settings = self.settings(**more)
        build(settings, load_deployment(settings), prepared=Prepared(self.home, self.home, ""))
        return self.asked


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return Home(tmp_path, monkeypatch)


def test_nothing_new(home: Home) -> None:
    home.land()
    assert home.build() == []


def test_another_day_touches_what_depends_on_the_day(home: Home) -> None:
    assert home.build(as_of="2027-01-01") == ["reconciled"]
    assert home.build(as_of="2027-01-01") == []


RATE = "rate_type,from_currency,to_currency,rate_date,rate,source\nspot,USD,EUR,2026-01-05,0.91,treasury\n"


def test_news_reach_both_layers(home: Home) -> None:
    lines = home.tiny / "sources" / "erp" / "gl_line.csv"
    lines.write_text(lines.read_text() + "J9,1,2026-02-16,T1,C1,6000,1.00\nJ9,2,2026-02-16,T1,,1000,-1.00\n")
    home.land()
    assert home.build() == BOTH
    assert home.build() == []


def test_a_reference_table_reaches_both_layers(home: Home) -> None:
    (home.tiny / "reference" / "rates.csv").write_text(RATE)
    assert home.build() == BOTH
    assert home.build() == []


def test_what_was_broken_off_is_built_again_though_nothing_changed(home: Home) -> None:
    rates = home.tiny / "reference" / "rates.csv"
    rates.write_text(RATE)
    home.breaks = True
    assert home.build() == ["canonical"]
    home.breaks = False
    rates.unlink()
    assert home.build() == BOTH, "the models may hold the rate of the build that failed"
    assert home.build() == []
