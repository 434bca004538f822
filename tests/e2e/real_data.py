"""Real organisations' data, where it is: beside the repository, in ../shared/data. Deployments read it in place.

Belongs here: finding the data, running a deployment on it once per engine, reading figures of the publication.
Does not: the figures (test_adventureworks, test_okc).
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import pytest

from finance_sync.settings import PROJECT_ROOT, Settings, load_settings
from finance_sync.warehouse.publish import read_published
from finance_sync.warehouse.slices import published_files
from tests.e2e.support import environment, finance_sync, published_tables

DATA = PROJECT_ROOT.parent / "shared" / "data"
DEPLOYMENTS = PROJECT_ROOT / "tests" / "deployments"
ENGINES = ["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)]


@dataclass(frozen=True)
class Published:
    """A finished run of a deployment: its settings, and figures of what it published."""

    settings: Settings
    said: str

    def row(self, sql: str) -> tuple[Any, ...]:
        """The single row of a query, decimals without trailing zeros."""
        rows = self.rows(sql)
        assert len(rows) == 1, f"{len(rows)} rows: {sql}"
        return rows[0]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a query, in its order."""
        columns = read_published(self.settings, sql).columns  # by place: two counts have one name on Postgres
        return list(
            zip(*([_plain(value) for value in column.to_pylist()] for column in columns), strict=True)
        )

    def command(self, *arguments: str) -> str:
        """What `finance-sync ...` prints on this data home, messages left out."""
        given = self.settings
        done = subprocess.run(
            [sys.executable, "-m", "finance_sync.cli", *arguments],
            env=environment(given.home, deployment=given.deployment, engine=given.engine),
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout


def need(folder: str) -> Path:
    """Folder of the data; skips the test with the reason where it is not."""
    path = DATA / folder
    if not path.is_dir():
        pytest.skip(f"real data is not here: {path} does not exist")
    return path


@lru_cache(maxsize=8)
def run_deployment(name: str, engine: str, variable: str, source: Path, as_of: date, home: Path) -> Published:
    """Run a deployment as its user does (land, build, publish; one command) into a new data home."""
    chosen: dict[str, Any] = {"deployment": DEPLOYMENTS / name, "engine": engine, "as_of": as_of}
    said = finance_sync("run", home=home, sources=json.dumps({variable: str(source)}), **chosen)
    return Published(load_settings(home=home, **chosen), said)


def differing_rows(left: Published, right: Published) -> dict[str, int]:
    """Per published relation the rows that one of two publications has and the other has not; all of them are named."""
    names = published_tables(left.settings.home)
    assert names == published_tables(right.settings.home)
    folders = [item.settings.home / "publish" / "current" / "marts" for item in (left, right)]
    found_files = [published_files(folder) for folder in folders]
    found = {}
    with duckdb.connect() as connection:
        for name in names:
            one, other = (
                f"select * from read_parquet({[str(path) for path in files[name]]})" for files in found_files
            )
            both = f"select count(*) from (({one} except all {other}) union all ({other} except all {one}))"
            found[name] = connection.execute(both).fetchall()[0][0]
    return found


def _plain(value: Any) -> Any:
    return value.normalize() + Decimal(0) if isinstance(value, Decimal) else value
