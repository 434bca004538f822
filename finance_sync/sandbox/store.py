"""Writing the demo's source systems: two SQLite databases, created whole or brought forward by what changed.

Belongs here: SQL of the sandbox. Does not: what the tables hold (sources), planning's files (planning).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import polars as pl

from finance_sync.sandbox.sources import Table


@contextmanager
def database(path: Path) -> Iterator[sqlite3.Connection]:
    """One transaction on a database: all of it is there afterwards, or nothing."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.execute("COMMIT")


def create(connection: sqlite3.Connection, table: Table) -> None:
    """Create a table and its indexes, once. Money and dates are TEXT: SQLite's NUMERIC would make binary floats of them."""
    columns = [
        f"{_quoted(name)} {'INTEGER' if dtype.is_integer() else 'TEXT'}"
        for name, dtype in table.rows.schema.items()
        if name != "_day"
    ]
    key = ", ".join(_quoted(name) for name in table.key)
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {_quoted(table.name)} ({', '.join(columns)}, PRIMARY KEY ({key}))"
    )
    if "changed_at" in table.rows.columns:
        index = _quoted(f"{table.name}_changed_at")
        connection.execute(f"CREATE INDEX IF NOT EXISTS {index} ON {_quoted(table.name)} (changed_at)")


def upsert(connection: sqlite3.Connection, table: Table, since: int | None) -> int:
    """Write the rows that changed after a day.

    Args:
        connection: an open transaction.
        table: the table on the new day.
        since: the day it was written for last; None writes every row.

    Returns:
        Rows written.
    """
    rows = table.rows if since is None else table.rows.filter(pl.col("_day") > since)
    rows = rows.drop("_day")
    marks = ", ".join("?" * rows.width)
    connection.executemany(f"INSERT OR REPLACE INTO {_quoted(table.name)} VALUES ({marks})", rows.iter_rows())
    return rows.height


def delete(connection: sqlite3.Connection, table: str, column: str, values: Sequence[str]) -> None:
    """Delete rows by one column."""
    connection.executemany(
        f"DELETE FROM {_quoted(table)} WHERE {_quoted(column)} = ?", [(value,) for value in values]
    )


def _quoted(name: str) -> str:
    return '"' + name + '"'
