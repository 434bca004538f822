"""A workbook per queue, from the register and the published marts.

Belongs here: which rows and documents go into a workbook, control totals, its id and name. Does not: XLSX (write).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow as pa
import sqlalchemy as sa

from finance_sync.errors import OperationsError
from finance_sync.exceptions import tables
from finance_sync.exceptions.work import UNSETTLED, Filter, Page, find
from finance_sync.exceptions.workbook.layout import ID, SHOWN, VERSION, Origin, cell_text, fits_number, shown
from finance_sync.exceptions.workbook.write import Sheet, write
from finance_sync.operations import Operations
from finance_sync.warehouse.slices import literal

Query = Callable[[str], pa.Table]
MOST_ROWS = 10_000
MOST_DOCUMENTS = 5_000


@dataclass(frozen=True)
class DrillDown:
    """Where published documents behind exceptions are.

    Attributes:
        sheet: title.
        relation: published table.
        key: SQL of the business key that a row belongs to, of ``docs``; ``listed`` is mart_exceptions when it is joined by cell.
        needs: columns that the relation must have; without them the publication is of another version.
        of_cell: rows are of the exception's cell and period, for controls that judge cells.
    """

    sheet: str
    relation: str
    key: str
    needs: tuple[str, ...]
    of_cell: bool = False


_ORDER = "docs.source_system || '|' || docs.order_no || '|' || docs.order_line_no"
_CELL = ("cell_id", "fiscal_period_id")
DRILL_DOWNS = (
    DrillDown("Order lines", "mart_order_line", "docs.record_key", ("record_key",)),
    DrillDown("Receipts and invoices", "mart_grni_document", "docs.order_key", ("order_key",)),
    DrillDown("Commitment movements", "mart_commitment_movement", "docs.record_key", ("record_key",)),
    DrillDown(
        "Variance of orders", "mart_variance_document", _ORDER, ("source_system", "order_no", "order_line_no")
    ),
    DrillDown("Ledger lines of cells", "mart_actual_line", "listed.business_key", _CELL, of_cell=True),
    DrillDown("Budget lines of cells", "mart_budget_line", "listed.business_key", _CELL, of_cell=True),
)
_OF_CELLS = (
    "C25"  # the one control whose exceptions are cells; of others the cell only says where they belong
)


@dataclass(frozen=True)
class Exported:
    """A workbook that was written.

    Attributes:
        path: of the file.
        owner: queue.
        rows: exceptions in it.
        total: exceptions of the queue.
        written: False when the same content lay there already; the file, which somebody may have begun to fill in, is left alone.
    """

    path: Path
    owner: str
    rows: int
    total: int
    written: bool


@dataclass(frozen=True)
class Source:
    """What workbooks are made from.

    Attributes:
        operations: the register.
        query: runs a SELECT on the published marts.
        publication: their version; empty when nothing is published: no drill-down then.
        day: business date.
        group_currency: ISO code.
    """

    operations: Operations
    query: Query
    publication: str
    day: date
    group_currency: str


def owners(operations: Operations) -> list[str]:
    """Queues that have exceptions not yet resolved."""
    column = tables.register.c.owner
    with operations.reading() as connection:
        found = connection.execute(
            sa.select(column).where(tables.register.c.status.in_(UNSETTLED)).distinct().order_by(column)
        )
        return [str(row[0]) for row in found]


def export(
    source: Source, folder: Path, wanted: Sequence[str] = (), *, most: int = MOST_ROWS
) -> list[Exported]:
    """Write a workbook for each queue: its exceptions that are not resolved, worst first.

    Args:
        source: register and marts.
        folder: made when it is not there.
        wanted: queues; empty is all that have exceptions.
        most: most exceptions in a workbook; what is cut is said in it.

    Raises:
        OperationsError: a queue has no exceptions.
    """
    known = owners(source.operations)
    for owner in wanted:
        if owner not in known:
            raise OperationsError(
                f"the queue {owner!r} has no exceptions",
                remedy=f"queues that have: {', '.join(known) or 'none'}",
            )
    folder.mkdir(parents=True, exist_ok=True)
    return [_one(source, folder, owner, most) for owner in (wanted or known)]


def _one(source: Source, folder: Path, owner: str, most: int) -> Exported:
    origin, page, every = _read(source, owner, most)
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", owner).strip("._") or "queue"
    path = folder / f"{name}_{source.day}_{origin.workbook[:8]}.xlsx"
    done = Exported(path, owner, page.rows.height, page.total, written=not path.exists())
    if done.written:
        rows = shown(page.rows, source.day, source.group_currency)
        documents, said = _documents(source, page.rows["business_key"].unique().sort().to_list())
        notes = [*_notes(page, rows), *said]
        totals = _totals(every, page.rows)
        write(path, origin, totals, rows, page.rows.select(ID, VERSION), documents, notes)
    return done


def _read(source: Source, owner: str, most: int) -> tuple[Origin, Page, pl.DataFrame]:
    """The rows, and the entry of the history that they stand at."""
    with source.operations.reading() as connection:
        head = connection.execute(sa.select(tables.head.c.seq, tables.head.c.hash)).one()
    every = find(source.operations, Filter(owner=(owner,)), source.day, limit=None)
    page = replace(every, rows=every.rows.head(most))
    origin = Origin(
        "", owner, source.day, int(head.seq), str(head.hash or ""), source.publication, source.group_currency
    )
    digest = hashlib.sha256(repr(origin).encode())
    digest.update(page.rows.select(ID, VERSION).write_csv().encode())
    return replace(origin, workbook=digest.hexdigest()[:32]), page, every.rows


def _notes(page: Page, rows: pl.DataFrame) -> list[str]:
    said = [
        "Fill in the green columns of sheet Exceptions and put the file into the inbox.",
        "A row whose Disposition is empty is left as it is; a Comment is kept in the history.",
        "assign: Assign to. explain: Reason, and if you like Valid until and Limit. resolve: Reason.",
        "waive: Reason and Valid until; without a Limit it holds for the amount as it stands.",
        "Limit is an amount in group currency. A text that begins like a formula has an apostrophe before it.",
    ]
    if page.truncated:
        said.append(f"CUT: the worst {page.rows.height:,} of {page.total:,} exceptions are in this workbook.")
    amounts = [column.name for column in SHOWN if column.kind == "amount"]
    inexact = rows.select((~fits_number(pl.col(amounts))).sum()).sum_horizontal().item()
    if inexact:
        said.append(
            f"{inexact:,} amounts have more than 15 digits: they stand as text (yellow), because a number would change them."
        )
    return said


def _totals(every: pl.DataFrame, rows: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    """Counts and exact sums of the queue, and of what is in the workbook."""
    inside = every.with_columns(pl.col(ID).is_in(rows[ID].implode()).alias("inside"))
    amount = pl.col("amount_group")
    measures = [
        pl.len().cast(pl.Int64).alias("Exceptions"),
        amount.null_count().cast(pl.Int64).alias("Without amount"),
        amount.sum().alias("At risk, group"),
        pl.col("inside").sum().cast(pl.Int64).alias("In this workbook"),
        amount.filter(pl.col("inside")).sum().alias("At risk, in this workbook"),
    ]
    made = [("All", inside.select(pl.lit("all").alias("Queue"), *measures))]
    for title, name in (
        ("By control", "control_id"),
        ("By entity", "legal_entity_id"),
        ("By severity", "severity"),
    ):
        groups = inside.group_by(cell_text(pl.col(name)).alias(title[3:].capitalize())).agg(measures)
        made.append((title, groups.sort(pl.first())))
    return made


def _documents(source: Source, keys: Sequence[str]) -> tuple[list[Sheet], list[str]]:
    """Published documents that the business keys name, bounded."""
    if not source.publication or not keys:
        return [], ["No documents: nothing is published." if keys else "No exceptions."]
    names = ", ".join(literal(one.relation) for one in DRILL_DOWNS)
    listed = source.query(
        f"select distinct table_name, column_name from information_schema.columns where table_name in ({names})"
    ).to_pylist()
    there = {(row["table_name"], row["column_name"]) for row in listed}
    wanted = ", ".join(literal(key) for key in keys)
    sheets, opened = [], set()
    for one in DRILL_DOWNS:
        if not {(one.relation, name) for name in one.needs} <= there:
            continue
        joined = (
            "inner join mart_exceptions as listed on listed.cell_id = docs.cell_id "
            f"and listed.fiscal_period_id = docs.fiscal_period_id and listed.control_id = {literal(_OF_CELLS)}"
            if one.of_cell
            else ""
        )
        rows = f"from {one.relation} as docs {joined} where {one.key} in ({wanted})"
        total = int(source.query(f"select count(*) as n {rows}").to_pylist()[0]["n"])
        if not total:
            continue
        found = source.query(
            f"select {one.key} as business_key, docs.* {rows} order by 1 limit {MOST_DOCUMENTS}"
        )
        frame = _plain(pl.DataFrame(pl.from_arrow(found)))
        opened |= set(frame["business_key"])
        cut = f" CUT: the first {frame.height:,} of {total:,} rows are here." if total > frame.height else ""
        sheets.append(Sheet(one.sheet, frame, f"{one.relation}, by the business key of the exception.{cut}"))
    said = f"{len(opened & set(keys)):,} of {len(keys):,} business keys have published documents in this workbook."
    return sheets, [said, *(f"{sheet.name}: {sheet.note}" for sheet in sheets if "CUT" in sheet.note)]


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    """What cells can hold: texts, exact amounts, dates, whole numbers."""
    return frame.select(
        pl.col(name)
        if isinstance(kind, pl.Decimal) or kind == pl.Date or kind.is_integer()
        else cell_text(pl.col(name).cast(pl.String))
        for name, kind in frame.schema.items()
    )
