"""Any other database that SQLAlchemy knows: rows in partitions, turned to columns with their exact types.

Belongs here: the portable way. Does not: databases with a faster way of their own (sql_postgres, sql_sqlite).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import sqlalchemy as sa
from typing_extensions import override

from finance_sync.catalog.models import SqlRead
from finance_sync.errors import SourceError
from finance_sync.extract.connection import Address
from finance_sync.extract.pull import Cursor, Physical
from finance_sync.extract.sql import Database, failed, relation, time_text, where_clause

_FETCH = 10_000


class GenericDatabase(Database):
    """One transaction, repeatable where the database can."""

    dynamic = True  # types are known from the values only

    def __init__(self, address: Address, read: SqlRead, where: str) -> None:
        """Connect and look at the first rows.

        Raises:
            SourceError: no driver, no connection or no such relation.
        """
        self._address, self._read, self._where = address, read, where
        try:
            engine = sa.create_engine(address.url, poolclass=sa.NullPool)
            self._connection = self._repeatable(engine).execution_options(stream_results=True)
        except (sa.exc.NoSuchModuleError, ImportError) as error:
            raise SourceError(
                f"{where}: {address.scrub(error)}", remedy="install the database's SQLAlchemy driver"
            ) from error
        except sa.exc.SQLAlchemyError as error:
            raise SourceError(
                f"{where}: no connection to {address.shown}: {self._plain(error)}",
                remedy="check host, database, user and password of connection.url",
            ) from error
        preparer = engine.dialect.identifier_preparer
        self._preparer = preparer
        self._relation = relation(read, preparer.initial_quote)
        try:
            first = next(self._partitions("SELECT * FROM " + self._relation), None)
            names = list(self._names)
        except BaseException:
            self.close()
            raise
        self.columns: Mapping[str, Physical] = {
            name: _class_of([row[place] for row in first or ()]) for place, name in enumerate(names)
        }
        self._zoned = {
            name
            for place, name in enumerate(names)
            if any(isinstance(row[place], datetime) and row[place].tzinfo is not None for row in first or ())
        }

    @staticmethod
    def _repeatable(engine: sa.Engine) -> sa.Connection:
        for level in ("REPEATABLE READ", "SERIALIZABLE"):
            connection = engine.connect()
            try:
                return connection.execution_options(isolation_level=level)
            except (sa.exc.ArgumentError, NotImplementedError):
                connection.close()
        return engine.connect()

    @override
    def count_and_sums(self, condition: str, totals: Mapping[str, str]) -> tuple[int, dict[str, Decimal]]:
        wanted = ["count(*)", *(f"sum({self.quoted(column)})" for column in totals.values())]
        text = f"SELECT {', '.join(wanted)} FROM {self._relation}{where_clause(condition)}"
        try:
            row = self._connection.execute(sa.text(text.replace(":", "\\:"))).one()
        except sa.exc.SQLAlchemyError as error:
            raise self._failed(error) from error
        exact = {
            field: Decimal(value or 0)
            for field, value in zip(totals, row[1:], strict=True)
            if value is None or isinstance(value, (int, Decimal))  # a sum of floats is no statement
        }
        return int(row[0]), exact

    @override
    def rows(self, condition: str, numbers: Mapping[str, bool]) -> Iterator[pl.DataFrame]:
        del numbers
        names = list(self.columns)
        for rows in self._partitions(f"SELECT * FROM {self._relation}{where_clause(condition)}"):
            yield pl.DataFrame(
                [_series(name, [row[place] for row in rows]) for place, name in enumerate(names)]
            )

    @override
    def at_least(self, column: str, start: Cursor, *, is_utc: bool) -> str:
        name = self.quoted(column)
        if isinstance(start, int) and not isinstance(start, bool):
            return f"{name} >= {start}"
        zone = "+00:00" if is_utc else ""
        if self.columns[column] == "timestamp" and isinstance(start, datetime):
            return f"{name} >= TIMESTAMP '{start.isoformat(sep=' ')}{zone}'"
        if self.columns[column] == "date" and isinstance(start, date):
            return f"{name} >= DATE '{start.strftime('%Y-%m-%d')}'"
        return f"{name} >= '{time_text(start)}'"

    @override
    def is_zoned(self, column: str) -> bool:
        return column in self._zoned

    @override
    def quoted(self, name: str) -> str:
        return self._preparer.quote_identifier(name)

    @override
    def close(self) -> None:
        with contextlib.suppress(sa.exc.SQLAlchemyError):  # a connection that broke cannot be closed better
            self._connection.close()

    def _partitions(self, text: str) -> Iterator[Sequence[Any]]:
        try:
            result = self._connection.execute(sa.text(text.replace(":", "\\:")))
            self._names = list(result.keys())
            with contextlib.closing(result):
                yield from result.partitions(_FETCH)
        except sa.exc.SQLAlchemyError as error:
            raise self._failed(error) from error

    def _failed(self, error: sa.exc.SQLAlchemyError) -> SourceError:
        return failed(self._where, self._read, self._plain(error))

    def _plain(self, error: sa.exc.SQLAlchemyError) -> str:
        return self._address.scrub(getattr(error, "orig", None) or error)


def _kinds(values: Sequence[Any]) -> set[type]:
    return {type(value) for value in values} - {type(None)}


def _class_of(values: Sequence[Any]) -> Physical:
    kinds = _kinds(values)
    known: list[tuple[set[type], Physical]] = [
        ({bool}, "boolean"), ({int}, "integer"), ({Decimal, int}, "decimal"), ({float, int}, "float"), ({datetime}, "timestamp"),
        ({date}, "date"), ({str}, "text"),
    ]  # fmt: skip
    return next((name for types, name in known if kinds <= types), "other") if kinds else "text"


def _series(name: str, values: Sequence[Any]) -> pl.Series:
    """One column. Exact numbers become text, so that no digit is lost; times with a zone become UTC."""
    kind = _class_of(values)
    if kind == "decimal":
        return pl.Series(
            name,
            [None if value is None else format(Decimal(value), "f") for value in values],
            dtype=pl.String,
        )
    if kind == "timestamp":
        plain = [value.astimezone(UTC) if value is not None and value.tzinfo else value for value in values]
        zone = "UTC" if any(value is not None and value.tzinfo for value in values) else None
        return pl.Series(name, plain, dtype=pl.Datetime("us", zone))
    if kind == "other":
        return pl.Series(name, [_other(value) for value in values], dtype=pl.String)
    types = {
        "boolean": pl.Boolean,
        "integer": pl.Int64,
        "float": pl.Float64,
        "date": pl.Date,
        "text": pl.String,
    }
    return pl.Series(name, list(values), dtype=types[kind])


def _other(value: Any) -> str | None:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    return None if value is None else str(value)
