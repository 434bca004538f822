"""The company as Parquet files is the company of the databases, in types, and grows by what changed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from finance_sync import sandbox
from finance_sync.catalog import load_deployment
from finance_sync.sandbox.parquet import advance_parquet, write_parquet
from finance_sync.settings import Settings, load_settings

TABLES = {
    "procurement": ("order_lines", "receipts", "requisitions", "budgets"),
    "ledger": ("journal_lines", "period_balances", "commitments", "accounts", "suppliers"),
}


def parquet(settings: Settings, system: str, table: str) -> pl.DataFrame:
    files = sorted((settings.home / "sandbox" / system / table).glob("*.parquet"))
    return pl.concat([pl.read_parquet(file) for file in files])


def as_text(frame: pl.DataFrame) -> list[tuple[str | None, ...]]:
    """Rows as text; decimals without trailing zeros, as the databases write their texts in another number of them."""

    def plain(value: object) -> str | None:
        return (
            None if value is None else f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
        )

    return sorted((tuple(map(plain, row)) for row in frame.iter_rows()), key=repr)


def database(
    settings: Settings, system: str, table: str, columns: list[str], numbers: set[str]
) -> list[tuple[str | None, ...]]:
    with closing(sqlite3.connect(settings.home / "sandbox" / f"{system}.sqlite")) as connection:
        found = connection.execute(f"select {', '.join(columns)} from {table}").fetchall()
    rows = []
    for row in found:
        pairs = zip(columns, row, strict=True)
        rows.append(
            tuple(
                None if v is None else f"{Decimal(v).normalize():f}" if name in numbers else str(v)
                for name, v in pairs
            )
        )
    return sorted(rows, key=repr)


@pytest.fixture
def both(tmp_path: Path) -> tuple[Settings, Settings]:
    """The same company, without planted problems, in databases and in files."""
    in_sql, in_files = load_settings(home=tmp_path / "sql"), load_settings(home=tmp_path / "files")
    sandbox.create(in_sql, seed=4, scale=0.1, planted=False)
    write_parquet(in_files, load_deployment(in_files).systems, seed=4, scale=0.1, planted=False)
    return in_sql, in_files


def test_same_rows_in_types(both: tuple[Settings, Settings]) -> None:
    in_sql, in_files = both
    for system, tables in TABLES.items():
        for table in tables:
            frame = parquet(in_files, system, table)
            numbers = {name for name, dtype in frame.schema.items() if dtype.is_decimal()}
            assert as_text(frame) == database(in_sql, system, table, frame.columns, numbers), table
    lines = parquet(in_files, "ledger", "journal_lines")
    assert lines.schema["local_amount"] == pl.Decimal(18, 4)
    assert lines.schema["posting_date"] == pl.Date
    assert lines.schema["changed_at"] == pl.Datetime("us")
    invoices = parquet(in_files, "procurement", "invoice_lines")
    assert {"status", "net_amount", "currency"} <= set(invoices.columns)


def test_a_delta_is_a_further_file_and_snapshots_are_whole(both: tuple[Settings, Settings]) -> None:
    in_sql, in_files = both
    before = {table: parquet(in_files, "ledger", table).height for table in ("journal_lines", "cost_centers")}
    written = advance_parquet(in_files, load_deployment(in_files).systems, days=5)
    sandbox.advance(in_sql, days=5)
    lines = parquet(in_files, "ledger", "journal_lines")
    assert lines.height == before["journal_lines"] + written.rows["ledger.journal_lines"]
    assert 0 < written.rows["ledger.journal_lines"] < before["journal_lines"] / 20
    numbers = {name for name, dtype in lines.schema.items() if dtype.is_decimal()}
    assert as_text(lines) == database(in_sql, "ledger", "journal_lines", lines.columns, numbers)
    # Order lines that changed are there twice, the later state with the later time.
    orders = parquet(in_files, "procurement", "order_lines")
    latest = orders.sort("changed_at").unique(["po_number", "line"], keep="last")
    assert latest.height < orders.height
    numbers = {name for name, dtype in latest.schema.items() if dtype.is_decimal()}
    assert as_text(latest) == database(in_sql, "procurement", "order_lines", latest.columns, numbers)
    assert parquet(in_files, "ledger", "cost_centers").height == before["cost_centers"]
