"""The same company as Parquet files, for volumes that a SQL database would take long to be written to.

Belongs here: writing the source tables in their declared types, a file per shard, and what changed later as further files.
Does not: the deployment that reads them (benchmarks/generate), the demo's own databases (store).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from finance_sync.catalog.models import System
from finance_sync.sandbox import checkpoints, planning
from finance_sync.sandbox import world as w
from finance_sync.sandbox.answers import write_answers
from finance_sync.sandbox.company import Company, Shard, peaks
from finance_sync.sandbox.ledger import balance_sums
from finance_sync.sandbox.sandbox import folder_of
from finance_sync.sandbox.sources import Table, balance_table, budget_table, document_tables, master_tables
from finance_sync.settings import Settings

_TYPES: Final[Mapping[str, pl.DataType]] = {
    "amount": pl.Decimal(18, 4),
    "quantity": pl.Decimal(18, 4),
    "price": pl.Decimal(18, 6),
    "rate": pl.Decimal(18, 10),
}
_HEADER_COLUMNS: Final = (
    "entity",
    "supplier",
    "supplier_reference",
    "document_type",
    "status",
    "invoice_date",
    "posting_date",
    "currency",
    "changed_at",
)


@dataclass(frozen=True)
class Written:
    """What one step wrote.

    Args:
        today: business date of the files.
        rows: rows by ``system.object``.
    """

    today: date
    rows: Mapping[str, int]


def write_parquet(
    settings: Settings, systems: Mapping[str, System], *, seed: int, scale: float, planted: bool = True
) -> Written:
    """Write the company as of 2026-05-15 below ``{home}/sandbox``, in place of what is there.

    Args:
        settings: the data home.
        systems: the demo's declarations, which give each column its type.
        seed: of the random numbers.
        scale: size; 366 has ten million journal lines.
        planted: False leaves the problems out.
    """
    folder = folder_of(settings)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "state.json").write_text(
        json.dumps({"seed": seed, "scale": scale, "planted": planted, "files": 0})
    )
    return _write(folder, systems, None, w.START_DAY)


def advance_parquet(settings: Settings, systems: Mapping[str, System], *, days: int) -> Written:
    """Let days pass: changed rows come as further files, tables that are compared as a whole are written again.

    Args:
        settings: the data home, as ``write_parquet`` left it.
        systems: the demo's declarations.
        days: how many.
    """
    folder = folder_of(settings)
    since = w.day((folder / "today.txt").read_text().strip())
    return _write(folder, systems, since, since + days)


def _write(folder: Path, systems: Mapping[str, System], since: int | None, today: int) -> Written:
    state = json.loads((folder / "state.json").read_text())
    company = Company(int(state["seed"]), float(state["scale"]), planted=bool(state["planted"]), typed=True)
    number = int(state["files"])
    rows: dict[str, int] = {}
    all_peaks: list[pl.DataFrame] = []
    sums: list[pl.DataFrame] = []
    for shard in company.shards():
        for table in _typed_source(document_tables(company, shard, today)):
            _put(folder, systems, table, since, number, rows)
        _collect(shard, all_peaks, sums, today)
        number += 1
    plan = company.plan(all_peaks)
    beside = (balance_table(company, sums, today), budget_table(company, plan, today))
    for table in (*master_tables(company, today), *beside):
        _put(folder, systems, table, since, number, rows)
    totals = checkpoints.approved_totals(plan, company.book.budget_statements, today)
    planning.write(folder / "planning", plan, totals, today, company.book.raw, faulty=company.planted)
    write_answers(folder, company.book.answers, w.to_date(today))
    (folder / "state.json").write_text(json.dumps(state | {"files": number + 1}))
    (folder / "today.txt").write_text(w.to_date(today).isoformat() + "\n")
    return Written(w.to_date(today), rows)


def _collect(shard: Shard, all_peaks: list[pl.DataFrame], sums: list[pl.DataFrame], today: int) -> None:
    """Keep of a shard what the plan and the balances need."""
    all_peaks.append(peaks(shard))
    sums.append(balance_sums(shard.journals, today))


def _typed_source(tables: Iterator[Table]) -> Iterator[Table]:
    """Invoice headers and lines as one table; the others as they are."""
    headers: pl.DataFrame | None = None
    for table in tables:
        if table.name == "invoice_headers":
            headers = table.rows
        elif table.name == "invoice_lines" and headers is not None:
            lines = table.rows.drop("_day").join(
                headers.select("invoice", *_HEADER_COLUMNS, "_day"), on="invoice", how="left"
            )
            yield Table(table.system, table.name, table.key, lines)
        else:
            yield table


def _put(
    folder: Path, systems: Mapping[str, System], table: Table, since: int | None, number: int, rows: dict[str, int]
) -> None:  # fmt: skip
    """Write a table's rows as a file: all of them, or those that changed where the source tells changes by a time."""
    spec = systems[table.system].objects[table.name]
    target = folder / table.system / table.name
    target.mkdir(parents=True, exist_ok=True)
    frame = table.rows
    if spec.delta.mode == "cursor":
        frame = frame if since is None else frame.filter(pl.col("_day") > since)
    elif since is not None and not rows.get(f"{table.system}.{table.name}"):
        for old in target.iterdir():
            old.unlink()
    key = f"{table.system}.{table.name}"
    rows[key] = rows.get(key, 0) + frame.height
    if frame.height or since is None:
        typed = frame.select(
            _typed(name, spec.fields[name].type) for name in frame.columns if name in spec.fields
        )
        typed.write_parquet(target / f"{number:05d}.parquet", compression="zstd", statistics=True)


def _typed(name: str, kind: str) -> pl.Expr:
    """A text column in its declared type; amounts go from text to exact decimals."""
    column = pl.col(name)
    if kind in _TYPES:
        return column.cast(_TYPES[kind])
    if kind == "date":
        return column.str.to_date("%Y-%m-%d")
    if kind == "timestamp":
        return column.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us")
    return column
