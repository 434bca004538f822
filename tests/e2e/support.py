"""Running the product as its user does, and comparing what it published.

Belongs here: helpers of the end-to-end tests. Does not: assertions about figures.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow as pa

from finance_sync.settings import Settings, load_settings
from finance_sync.warehouse.publish import read_published


def environment(home: Path, **settings: object) -> dict[str, str]:
    """Environment of a command: the data home and further settings, nothing else of finance_sync."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FINANCE_SYNC_", "DAGSTER_"))
    }
    kept |= {"FINANCE_SYNC_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "yes", "DO_NOT_TRACK": "1"}
    return kept | {f"FINANCE_SYNC_{name.upper()}": str(value) for name, value in settings.items()}


def finance_sync(
    *arguments: str, home: Path, expect: int | None = 0, timeout: float = 600, **settings: object
) -> str:
    """Run `finance-sync ...` in a process of its own; returns what it printed.

    Raises:
        AssertionError: its exit code is not the expected one; the output is in the message.
    """
    done = subprocess.run(
        [sys.executable, "-m", "finance_sync.cli", *arguments],
        env=environment(home, **settings), capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip
    output = done.stdout + done.stderr
    assert expect is None or done.returncode == expect, (
        f"finance-sync {' '.join(arguments)} ended with {done.returncode}:\n{output[-6000:]}"
    )
    return output


def settings_of(home: Path, **overrides: object) -> Settings:
    """Settings of a test's data home."""
    return load_settings(home=home, **overrides)


def published_tables(home: Path) -> list[str]:
    """Names of the published relations of an embedded publication."""
    folder = home / "publish" / "current" / "marts"
    return sorted(path.stem for path in folder.glob("*.parquet"))


def rows_of(settings: Settings, table: str) -> list[tuple[object, ...]]:
    """Every row of a published relation, sorted, with exact values."""
    found: pa.Table = read_published(settings, f"select * from {table}")
    rows = (tuple(_plain(value) for value in row.values()) for row in found.to_pylist())
    return sorted(rows, key=repr)


def file_rows(path: Path) -> list[tuple[object, ...]]:
    """Every row of a published Parquet file, sorted."""
    with duckdb.connect() as connection:
        rows = connection.execute("select * from read_parquet(?)", [str(path)]).fetchall()
    return sorted((tuple(_plain(value) for value in row) for row in rows), key=repr)


def _plain(value: object) -> object:
    """Decimals as text without trailing zeros: engines print scales differently, the number is the same."""
    from decimal import Decimal

    if isinstance(value, Decimal):
        return f"{value.normalize():f}" if value else "0"
    return value
