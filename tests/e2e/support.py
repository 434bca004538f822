"""Running the product as its user does, and comparing what it published.

Belongs here: helpers of the end-to-end tests. Does not: assertions about figures.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile

import duckdb
import pyarrow as pa

from finance_sync.settings import Settings, load_settings
from finance_sync.warehouse.publish import read_published
from finance_sync.warehouse.slices import published_files

# Processes are forked from one that has imported the libraries; each run of the product would import them again.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["finance_sync.cli", "finance_sync.orchestration.nightly", "dbt.cli.main"])


def environment(home: Path, **settings: object) -> dict[str, str]:
    """Environment of a command: the data home and further settings, nothing else of finance_sync."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FINANCE_SYNC_", "DAGSTER_"))
    }
    kept |= {"FINANCE_SYNC_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "yes", "DO_NOT_TRACK": "1"}
    return kept | {f"FINANCE_SYNC_{name.upper()}": str(value) for name, value in settings.items()}


def start(
    *arguments: str, home: Path, output: Path, **settings: object
) -> multiprocessing.process.BaseProcess:
    """Start `finance-sync ...` in a process of its own; what it prints goes to a file."""
    process = _FORKS.Process(target=_command, args=(arguments, environment(home, **settings), str(output)))
    process.start()
    return process


def finance_sync(
    *arguments: str, home: Path, expect: int | None = 0, timeout: float = 600, **settings: object
) -> str:
    """Run `finance-sync ...` to its end; returns what it printed.

    Raises:
        AssertionError: its exit code is not the expected one, or it takes too long; the output is in the message.
    """
    with NamedTemporaryFile(suffix=".txt") as file:
        process = start(*arguments, home=home, output=Path(file.name), **settings)
        process.join(timeout)
        code = process.exitcode
        if code is None:
            process.kill()
            process.join()
        output = Path(file.name).read_text()
    told = f"finance-sync {' '.join(arguments)} ended with {code}:\n{output[-6000:]}"
    assert code is not None, told
    assert expect in (None, code), told
    return output


def _command(arguments: Sequence[str], variables: Mapping[str, str], output: str) -> None:
    """The body of a forked process: the command line program with an environment of its own."""
    os.environ.clear()
    os.environ.update(variables)
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 1)
    os.dup2(file, 2)
    from finance_sync.cli import app

    app(list(arguments), prog_name="finance-sync")


def settings_of(home: Path, **overrides: object) -> Settings:
    """Settings of a test's data home."""
    return load_settings(home=home, **overrides)


def published_tables(home: Path) -> list[str]:
    """Names of the published relations of an embedded publication."""
    return sorted(published_files(home / "publish" / "current" / "marts"))


def rows_of(settings: Settings, table: str) -> list[tuple[object, ...]]:
    """Every row of a published relation, sorted, with exact values."""
    found: pa.Table = read_published(settings, f"select * from {table}")
    rows = (tuple(_plain(value) for value in row.values()) for row in found.to_pylist())
    return sorted(rows, key=repr)


def file_rows(home: Path, table: str) -> list[tuple[object, ...]]:
    """Every row of a published relation's Parquet files, sorted."""
    paths = [str(path) for path in published_files(home / "publish" / "current" / "marts")[table]]
    with duckdb.connect() as connection:
        rows = connection.execute("select * from read_parquet(?)", [paths]).fetchall()
    return sorted((tuple(_plain(value) for value in row) for row in rows), key=repr)


def _plain(value: object) -> object:
    """Decimals as text without trailing zeros: engines print scales differently, the number is the same."""
    from decimal import Decimal

    if isinstance(value, Decimal):
        return f"{value.normalize():f}" if value else "0"
    return value
