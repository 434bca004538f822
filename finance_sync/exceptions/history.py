"""The append-only history: every change with its actor, each entry's hash covering the one before.

Entries are numbered without a gap and chained over the whole register, so that one that is changed, taken out or put in between
breaks the chain at that place. The row ``register_head`` holds the last number and hash, so that entries cut off the end are
missed too; so is an exception whose status is not the one that its last entry left.

Belongs here: appending and verifying. Does not: what happened (life, dispositions).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from finance_sync.exceptions import tables
from finance_sync.operations import Operations

EVENT = {
    "exception_id": pl.String,
    "event": pl.String,
    "from_status": pl.String,
    "to_status": pl.String,
    "details": pl.String,
}
_HASHED = [name for name in tables.HISTORY if name not in {"prev_hash", "hash"}]
_PIECE = 50_000


@dataclass(frozen=True)
class Act:
    """Who did something, when and for which day.

    Attributes:
        actor: a person, or ``finance-sync`` for a run.
        at: the moment, with a zone.
        business_date: date that it counts for.
        run_id: the run; empty when a person acted.
    """

    actor: str
    at: datetime
    business_date: date
    run_id: str = ""

    @property
    def at_text(self) -> str:
        """The moment in UTC, as it is stored and hashed."""
        return self.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Verdict:
    """Whether the history is what was written.

    Attributes:
        entries: how many were read.
        head: hash of the last one that is right; note it elsewhere to prove later that nothing before it was changed.
        broken: number of the first entry that is not right; None when all are.
        why: what is wrong with it.
    """

    entries: int
    head: str
    broken: int | None = None
    why: str = ""

    @property
    def holds(self) -> bool:
        """Nothing is broken."""
        return self.broken is None


def entry_hash(previous: str, values: tuple[Any, ...]) -> str:
    """SHA-256 of the hash before and the entry's own values."""
    text = json.dumps([previous, *values], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def append(operations: Operations, connection: Connection, events: pl.DataFrame, act: Act) -> None:
    """Append entries; the caller holds the writing transaction.

    Args:
        operations: the database.
        connection: of the writing transaction.
        events: columns of EVENT, in the order in which they are to stand.
        act: what they have in common.
    """
    if events.is_empty():
        return
    last = connection.execute(sa.select(tables.head.c.seq, tables.head.c.hash)).one()
    first = int(last.seq) + 1
    frame = events.select(
        pl.int_range(first, first + pl.len(), dtype=pl.Int64).alias("seq"),
        "exception_id",
        pl.lit(act.at_text).alias("at"),
        pl.lit(act.business_date).alias("business_date"),
        pl.lit(act.actor).alias("actor"),
        pl.lit(act.run_id or None, dtype=pl.String).alias("run_id"),
        "event",
        "from_status",
        "to_status",
        "details",
    )
    # One by one, because each hash needs the one before: about three microseconds an entry.
    hashes = [str(last.hash)]
    for row in _plain(frame).iter_rows():
        hashes.append(entry_hash(hashes[-1], row))
    chained = frame.with_columns(
        pl.Series("prev_hash", hashes[:-1], pl.String), pl.Series("hash", hashes[1:], pl.String)
    )
    tables.insert(operations, connection, tables.history, chained.select(list(tables.HISTORY)))
    connection.execute(sa.update(tables.head).values(seq=first + frame.height - 1, hash=hashes[-1]))


def verify(operations: Operations) -> Verdict:
    """Read the whole history and say whether it is what was written, or which entry is the first that is not."""
    with operations.reading() as connection:
        previous, number = "", 0
        while True:
            page = tables.read_frame(
                connection,
                sa.select(tables.history)
                .where(tables.history.c.seq > number)
                .order_by(tables.history.c.seq)
                .limit(_PIECE),
                tables.HISTORY,
            )
            if page.is_empty():
                break
            for row in _plain(page.select(*_HASHED, "prev_hash", "hash")).iter_rows():
                values, before, own = row[:-2], row[-2], row[-1]
                number += 1
                if values[0] != number:
                    return Verdict(number - 1, previous, number, f"is missing; after it comes {values[0]}")
                if before != previous:
                    return Verdict(
                        number - 1, previous, number, "does not follow on the entry before it any more"
                    )
                if entry_hash(previous, values) != own:
                    return Verdict(number - 1, previous, number, "was changed after it was written")
                previous = own
        known = connection.execute(sa.select(tables.head.c.seq, tables.head.c.hash)).one()
        if int(known.seq) != number or known.hash != previous:
            why = f"is missing: {number} entries are there and {known.seq} were written"
            return Verdict(number, previous, number + 1 if known.seq > number else number, why)
        return _against_register(connection, Verdict(number, previous))


def _against_register(connection: Connection, verdict: Verdict) -> Verdict:
    """The register's statuses are those that the history left."""
    found = connection.exec_driver_sql(
        "SELECT h.seq, h.to_status, r.status, h.exception_id FROM exception_history AS h "
        "INNER JOIN (SELECT exception_id, max(seq) AS seq FROM exception_history GROUP BY exception_id) AS l ON l.seq = h.seq "
        "LEFT JOIN exception_register AS r ON r.exception_id = h.exception_id "
        "WHERE r.status IS NULL OR r.status <> h.to_status ORDER BY h.seq LIMIT 1"
    ).first()
    if found is None:
        return verdict
    now = "is not in the register any more" if found[2] is None else f"stands as {found[2]} in the register"
    return Verdict(
        verdict.entries, verdict.head, int(found[0]), f"left exception {found[3]} as {found[1]}, which {now}"
    )


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Dates as text, since the hash covers texts and whole numbers."""
    return frame.with_columns(pl.col(pl.Date).dt.to_string("%Y-%m-%d"))
