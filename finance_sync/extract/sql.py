"""An object read from a SQL database: count, sums and records of one window, in one transaction.

Belongs here: what is asked. Does not: how a database is asked (sql_postgres, sql_sqlite, sql_generic).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Protocol
from zoneinfo import ZoneInfo

import polars as pl
from typing_extensions import override

from finance_sync.catalog.models import SourceObject, SqlRead, System
from finance_sync.errors import SourceError
from finance_sync.extract.columns import column_of
from finance_sync.extract.connection import Address, require_host
from finance_sync.extract.pull import PAGE_ROWS, Cursor, Page, Physical, Pull, Statement, Window


class Database(Protocol):
    """An open transaction that sees the database at one moment.

    ``columns`` are those of the relation with their physical class; ``dynamic`` says that the database does not enforce them.
    """

    columns: Mapping[str, Physical]
    dynamic: bool

    def count_and_sums(self, condition: str, totals: Mapping[str, str]) -> tuple[int, dict[str, Decimal]]:
        """Rows in the window, and exact sums by control total (field -> column); one that cannot be summed is left out."""

    def rows(self, condition: str, numbers: Mapping[str, bool]) -> Iterator[pl.DataFrame]:
        """The rows in the window. ``numbers``: columns that hold exact numbers -> whether floats are declared for them."""

    def at_least(self, column: str, start: datetime | date | int, *, is_utc: bool) -> str:
        """SQL condition: the column is not below a value. A time is naive, in UTC or in the source's zone."""

    def is_zoned(self, column: str) -> bool:
        """Whether the column's times carry their zone, so that they compare in UTC."""

    def quoted(self, name: str) -> str:
        """An identifier as the database writes it."""

    def close(self) -> None:
        """End the transaction."""


class SqlPull(Pull):
    """An open read of one table or query."""

    kind = "sql"

    def __init__(
        self, address: Address, system: System, spec: SourceObject, where: str, window: Window
    ) -> None:
        """Connect, begin the transaction, and ask for count and sums of the window.

        Raises:
            SourceError: no connection within seconds, no such table, or a column of the contract is missing.
        """
        assert isinstance(spec.read, SqlRead)  # noqa: S101 - source.py chose by kind
        self._where = where
        require_host(address, where)
        self._database = _open(address, spec.read, where)
        try:
            self.columns = self._database.columns
            self.dynamic = self._database.dynamic
            names = list(self.columns)
            # Every declared column is looked up first: the message about a missing one is clearer than the database's.
            found = {field: column_of(spec, field, names, where) for field in spec.fields}
            self._numbers = {
                found[field]: item.binary_float
                for field, item in spec.fields.items()
                if item.type in {"amount", "price", "quantity", "rate"}
            }
            self._condition = self._window_condition(system, spec, found, window)
            totals = {field: found[field] for field in spec.control_totals}
            rows, sums = self._database.count_and_sums(self._condition, totals)
        except BaseException:
            self._database.close()
            raise
        self._statement = Statement("sql", rows, sums)
        text = f"{self._condition}\n{rows}\n{sorted(sums.items())}"
        self.content = hashlib.sha256(text.encode()).hexdigest()

    @override
    def pages(self) -> Iterator[Page]:
        held: list[pl.DataFrame] = []
        rows = 0
        for frame in self._database.rows(self._condition, self._numbers):
            held.append(frame)
            rows += frame.height
            if rows >= PAGE_ROWS:
                yield Page(pl.concat(held, how="vertical_relaxed", rechunk=True))
                held, rows = [], 0
        if rows:
            yield Page(pl.concat(held, how="vertical_relaxed", rechunk=True))

    @override
    def statement(self) -> Statement:
        return self._statement

    @override
    def close(self) -> None:
        self._database.close()

    def _window_condition(
        self, system: System, spec: SourceObject, found: Mapping[str, str], window: Window
    ) -> str:
        field = spec.delta.cursor
        if field is None or window.start is None:
            return ""
        column, start = found[field], window.start
        declared = spec.fields[field]
        if self.columns[column] == "text" and declared.format is not None:
            raise SourceError(
                f"{self._where}: cursor {field!r} is text in the format {declared.format!r}, which does not sort by time",
                remedy="use a column with a real time, a query that casts it, or delta mode snapshot",
            )
        zoned = self._database.is_zoned(column)
        if isinstance(start, datetime) and not zoned:
            start = local_start(start, system.time_zone)
        # A record without a change time is in every window: it is rejected once and then known.
        return f"({self._database.at_least(column, start, is_utc=zoned)} OR {self._database.quoted(column)} IS NULL)"


def local_start(start: datetime, time_zone: str) -> datetime:
    """A window's start (UTC, naive) in a source's zone (naive), earlier by the hour that the zone lives twice, if near one.

    When clocks go back, local times repeat, and a change of the second hour sorts before one of the first.
    """
    zone = ZoneInfo(time_zone)
    moment = start.replace(tzinfo=UTC)
    now, before = (
        one.astimezone(zone).utcoffset() or timedelta(0) for one in (moment, moment - timedelta(hours=6))
    )
    repeated = max(before - now, timedelta(0))
    return moment.astimezone(zone).replace(tzinfo=None) - repeated


def _open(address: Address, read: SqlRead, where: str) -> Database:
    scheme = address.url.partition(":")[0].split("+")[0]
    if scheme in {"postgresql", "postgres"}:
        from finance_sync.extract.sql_postgres import PostgresDatabase

        return PostgresDatabase(address, read, where)
    if scheme == "sqlite":
        from finance_sync.extract.sql_sqlite import SqliteDatabase

        return SqliteDatabase(address, read, where)
    from finance_sync.extract.sql_generic import GenericDatabase

    return GenericDatabase(address, read, where)


def relation(read: SqlRead, quote: str = '"') -> str:
    """The table, quoted part by part, or the query as a subquery."""
    if read.table is not None:
        return ".".join(f"{quote}{part.replace(quote, quote * 2)}{quote}" for part in read.table.split("."))
    return f"({(read.query or '').strip().rstrip(';')}) AS pulled"


def where_clause(condition: str) -> str:
    """The condition as a clause; nothing when there is none."""
    return f" WHERE {condition}" if condition else ""


def failed(where: str, read: SqlRead, message: str) -> SourceError:
    """A database's own complaint about the object."""
    what = f"table {read.table}" if read.table else "its query"
    return SourceError(
        f"{where}: {what} cannot be read: {message.splitlines()[0] if message else 'no reason given'}",
        remedy="check `table` or `query` (names are taken as written, with their case) and the user's rights",
    )


def time_text(start: Cursor) -> str:
    """A time as text that sorts not after any text of the same second, however many digits that has."""
    return (
        start.strftime("%Y-%m-%d %H:%M:%S")
        if isinstance(start, datetime)
        else start.isoformat()
        if isinstance(start, date)
        else str(start)
    )
