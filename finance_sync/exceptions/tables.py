"""The register's tables, and their rows as frames.

Belongs here: columns, their types in the database and in frames, reading and bulk writing. Does not: the life cycle (life,
dispositions), the chain's hashes (history).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from finance_sync.operations import Operations
from finance_sync.operations.amounts import PRECISION, SCALE, ExactAmount

Status = Literal["open", "assigned", "explained", "waived", "resolved"]
STATUSES: tuple[Status, ...] = ("open", "assigned", "explained", "waived", "resolved")
AMOUNT = pl.Decimal(PRECISION, SCALE)

# Column -> kind: text, amount, date, integer. The order is the table's.
IDENTITY = {
    "exception_id": "text", "control_id": "text", "legal_entity_id": "text", "business_key": "text", "aspect": "text",
}  # fmt: skip
# What the last run that found it said of it.
FACTS = {
    "fiscal_period_id": "text", "finding": "text", "reason_code": "text", "owner": "text", "left_system_name": "text",
    "left_value": "text", "left_amount": "amount", "right_system_name": "text", "right_value": "text", "right_amount": "amount",
    "difference_amount": "amount", "currency_code": "text", "amount_functional": "amount", "functional_currency": "text",
    "amount_group": "amount", "supplier_id": "text", "account_id": "text", "cost_center_id": "text", "document_date": "date",
    "message": "text",
}  # fmt: skip
FIRST = {"first_amount_functional": "amount", "first_amount_group": "amount"}
LIFE = {
    "status": "text", "assignee": "text", "severity": "text", "opened_on": "date", "due_from": "date", "deadline_on": "date",
    "escalation_level": "integer", "escalated_on": "date", "escalated_to": "text", "times_opened": "integer",
    "reopened_because": "text", "disposed_by": "text", "disposed_at": "text", "disposition_reason": "text", "valid_until": "date",
    "limit_group": "amount", "disposed_amount": "amount", "gone_on": "date", "gone_run": "text",
}  # fmt: skip
SEEN = {
    "first_seen_on": "date", "first_seen_run": "text", "last_seen_on": "date", "last_seen_run": "text", "times_seen": "integer",
}  # fmt: skip
COLUMNS = {**IDENTITY, **FACTS, **FIRST, **LIFE, **SEEN, "version": "integer"}
HISTORY = {
    "seq": "integer", "exception_id": "text", "at": "text", "business_date": "date", "actor": "text", "run_id": "text",
    "event": "text", "from_status": "text", "to_status": "text", "details": "text", "prev_hash": "text", "hash": "text",
}  # fmt: skip
_REQUIRED = {
    *IDENTITY, "fiscal_period_id", "finding", "reason_code", "owner", "status", "severity", "opened_on", "due_from",
    "deadline_on", "escalation_level", "times_opened", *SEEN, "version",
}  # fmt: skip
_OPTIONAL_HISTORY = {"run_id", "from_status", "to_status"}
_INDEXED = ("status", "owner", "assignee")

FRAME_TYPES: dict[str, Any] = {
    "text": pl.String,
    "amount": AMOUNT,
    "date": pl.Date,
    "integer": pl.Int64,
}
_STAGED = {"text": "text", "amount": f"numeric({PRECISION},{SCALE})", "date": "date", "integer": "bigint"}
STAGED_TYPES = {name: _STAGED[kind] for name, kind in {**COLUMNS, **HISTORY}.items()}

metadata = sa.MetaData()


def _column(name: str, kind: str, *, required: bool, key: bool = False) -> sa.Column[Any]:
    kinds: dict[str, Any] = {
        "text": sa.Text(),
        "amount": ExactAmount(),
        "date": sa.Date(),
        "integer": sa.BigInteger(),
    }
    index = name in _INDEXED
    return sa.Column(
        name, kinds[kind], nullable=not required, primary_key=key, index=index, autoincrement=False
    )


register = sa.Table(
    "exception_register",
    metadata,
    *(
        _column(name, kind, required=name in _REQUIRED, key=name == "exception_id")
        for name, kind in COLUMNS.items()
    ),
)
history = sa.Table(
    "exception_history",
    metadata,
    *(
        _column(name, kind, required=name not in _OPTIONAL_HISTORY, key=name == "seq")
        for name, kind in HISTORY.items()
    ),
    sa.Index("ix_exception_history_exception_id", "exception_id"),
)
runs = sa.Table(
    "register_run",
    metadata,
    sa.Column("generation", sa.Text(), primary_key=True),
    sa.Column("run_id", sa.Text(), nullable=False),
    sa.Column("business_date", sa.Date(), nullable=False),
    sa.Column("at", sa.Text(), nullable=False),
)
head = sa.Table(
    "register_head",
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("seq", sa.BigInteger(), nullable=False),
    sa.Column("hash", sa.Text(), nullable=False),
)


def schema_of(columns: dict[str, str]) -> dict[str, Any]:
    """Frame types of columns."""
    return {name: FRAME_TYPES[kind] for name, kind in columns.items()}


def read_frame(
    connection: Connection, select: sa.Select[Any], columns: dict[str, str] | None = None
) -> pl.DataFrame:
    """Rows as a frame, amounts exact.

    Args:
        connection: of a transaction.
        select: selects the columns in their order.
        columns: kinds of the columns; default those of the register.
    """
    columns = COLUMNS if columns is None else columns
    # As text on the way: neither driver then makes a Python decimal or date of every value.
    plain = [
        sa.cast(column, sa.Text).label(column.key)
        if columns[str(column.key)] in {"amount", "date"} and connection.dialect.name != "sqlite"
        else sa.type_coerce(
            column, sa.Text if columns[str(column.key)] != "integer" else sa.BigInteger
        ).label(column.key)
        for column in select.selected_columns
    ]
    result = connection.execute(select.with_only_columns(*plain, maintain_column_froms=True))
    raw: Any = result.cursor
    rows = raw.fetchall() if raw is not None else []
    names = [str(column.key) for column in select.selected_columns]
    text = {name: pl.Int64 if columns[name] == "integer" else pl.String for name in names}
    frame = pl.DataFrame(rows, schema=text, orient="row")
    return frame.with_columns(
        pl.col(name).str.to_date("%Y-%m-%d") if columns[name] == "date" else pl.col(name).cast(AMOUNT)
        for name in names
        if columns[name] in {"date", "amount"}
    )


def stage(operations: Operations, connection: Connection, name: str, frame: pl.DataFrame) -> None:
    """Bring rows into a temporary table whose amounts have their stored form."""
    amounts = [pl.col(column).cast(pl.String) for column, kind in frame.schema.items() if kind == AMOUNT]
    operations.stage(connection, name, frame.with_columns(amounts), STAGED_TYPES)


def insert(operations: Operations, connection: Connection, table: sa.Table, frame: pl.DataFrame) -> None:
    """Append rows, set-based."""
    if frame.is_empty():
        return
    stage(operations, connection, "staged_new", frame)
    names = ", ".join(frame.columns)
    connection.exec_driver_sql(f"INSERT INTO {table.name} ({names}) SELECT {names} FROM staged_new")


def update(
    operations: Operations, connection: Connection, frame: pl.DataFrame, columns: Sequence[str]
) -> None:
    """Set columns of the register's rows to what the frame says, and count their version up.

    Args:
        operations: the database.
        connection: of a writing transaction.
        frame: exception_id and the columns.
        columns: which.
    """
    if frame.is_empty():
        return
    stage(operations, connection, "staged_change", frame.select("exception_id", *columns))
    values = ", ".join(f"{name} = staged_change.{name}" for name in columns)
    connection.exec_driver_sql(
        f"UPDATE exception_register SET {values}, version = exception_register.version + 1 FROM staged_change "
        "WHERE staged_change.exception_id = exception_register.exception_id"
    )
