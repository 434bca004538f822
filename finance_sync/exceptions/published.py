"""The register for readers: relations beside the marts, joined to mart_exceptions by exception_id.

Belongs here: what they hold. Does not: writing them out (warehouse.publish).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date

import polars as pl
import pyarrow as pa
import sqlalchemy as sa

from finance_sync.exceptions import tables
from finance_sync.operations import Operations, open_operations
from finance_sync.settings import Settings
from finance_sync.warehouse.publish import Beside

# The chain is proved in the database; readers get each entry's own hash.
_RUNS = {"run_id": "text", "business_date": "date", "at": "text"}
_HISTORY = {name: kind for name, kind in tables.HISTORY.items() if name != "prev_hash"}


def register_relations(settings: Settings) -> list[Beside]:
    """Relations ``exception_register``, ``exception_history``, ``exception_run``; empty while there is no register.

    Raises:
        OperationsError: the operations database cannot be opened.
    """
    operations = open_operations(settings, create=False)
    state = "" if operations is None else _state(operations)
    return [
        Beside("exception_register", ("exception_id",), state, _reader(operations, _register)),
        Beside("exception_history", ("seq",), state, _reader(operations, _history)),
        Beside("exception_run", ("at", "run_id"), state, _reader(operations, _runs)),
    ]


def _reader(
    operations: Operations | None, read: Callable[[Operations], pl.DataFrame]
) -> Callable[[], pa.Table]:
    empty = _register_of(pl.DataFrame(schema=tables.schema_of(tables.COLUMNS)), date.min)
    if read is not _register:
        empty = pl.DataFrame(schema=tables.schema_of(_HISTORY if read is _history else _RUNS))
    return lambda: _plain(empty if operations is None else read(operations))


def _state(operations: Operations) -> str:
    """Changes when the relations may: every change but a sighting has an entry, and every sighting a run."""
    with operations.reading() as connection:
        last = connection.execute(sa.select(tables.head.c.seq, tables.head.c.hash)).one()
        runs = connection.execute(sa.select(sa.func.count(), sa.func.max(tables.runs.c.at))).one()
    return hashlib.sha256(repr((*last, *runs)).encode()).hexdigest()


def _register(operations: Operations) -> pl.DataFrame:
    with operations.reading() as connection:
        day = connection.execute(sa.select(sa.func.max(tables.runs.c.business_date))).scalar()
        rows = tables.read_frame(connection, sa.select(tables.register))
    return _register_of(rows, day or date.min)


def _register_of(rows: pl.DataFrame, day: date) -> pl.DataFrame:
    """With the age on the day of the last run; of what is gone, the age that it came to."""
    until = pl.coalesce("gone_on", pl.lit(day))
    waits = pl.col("status").is_in(["open", "assigned"])
    return rows.with_columns(
        (until - pl.col("opened_on")).dt.total_days().alias("age_days"),
        pl.col("gone_on").is_null().alias("is_there"),
        (waits & (pl.col("deadline_on") < pl.lit(day))).alias("is_overdue"),
    )


def _history(operations: Operations) -> pl.DataFrame:
    with operations.reading() as connection:
        columns = [tables.history.c[name] for name in _HISTORY]
        return tables.read_frame(connection, sa.select(*columns), _HISTORY)


def _runs(operations: Operations) -> pl.DataFrame:
    """The runs that brought a new build, by which "since the run before" can be told."""
    with operations.reading() as connection:
        columns = [tables.runs.c[name] for name in _RUNS]
        return tables.read_frame(connection, sa.select(*columns), _RUNS)


def _plain(frame: pl.DataFrame) -> pa.Table:
    """Plain Arrow text, which every engine takes."""
    table = frame.to_arrow()
    plain = [
        pa.field(
            field.name,
            pa.string()
            if pa.types.is_large_string(field.type) or pa.types.is_string_view(field.type)
            else field.type,
        )
        for field in table.schema
    ]
    return table.cast(pa.schema(plain))
