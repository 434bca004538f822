"""PostgreSQL, read over ADBC as Arrow. NUMERIC and money leave the server as text, so that no digit is lost.

Belongs here: the questions in PostgreSQL's own words. Does not: what is asked (sql).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
from typing_extensions import override

from finance_sync.catalog.models import SqlRead
from finance_sync.errors import SourceError
from finance_sync.extract.connection import CONNECT_SECONDS, Address
from finance_sync.extract.pull import Cursor, Physical
from finance_sync.extract.sql import Database, failed, relation, time_text, where_clause

_CLASSES: dict[str, Physical] = {
    "int2": "integer", "int4": "integer", "int8": "integer", "numeric": "decimal", "money": "decimal",
    "float4": "float", "float8": "float", "bool": "boolean", "date": "date", "timestamp": "timestamp",
    "timestamptz": "timestamp", "text": "text", "varchar": "text", "bpchar": "text", "name": "text", "uuid": "text",
}  # fmt: skip
_AS_THEY_ARE = {
    "int2",
    "int4",
    "int8",
    "float4",
    "float8",
    "bool",
    "date",
    "timestamp",
    "timestamptz",
    "text",
    "varchar",
    "bpchar",
}


class PostgresDatabase(Database):
    """One read-only REPEATABLE READ transaction."""

    dynamic = False

    def __init__(self, address: Address, read: SqlRead, where: str) -> None:
        """Connect and look at the relation's columns.

        Raises:
            SourceError: no connection, or no such relation.
        """
        try:
            import adbc_driver_postgresql.dbapi as adbc
        except ImportError as error:
            raise SourceError(
                f"{where}: the PostgreSQL driver is not installed",
                remedy="pip install 'finance-sync[postgres]'",
            ) from error
        self._errors: type[Exception] = adbc.Error
        self._address, self._read, self._where = address, read, where
        scheme, _, rest = address.url.partition("://")
        del scheme  # "postgresql+psycopg2" and the like are SQLAlchemy's words
        url = f"postgresql://{rest}"
        if "connect_timeout=" not in url:
            url += f"{'&' if '?' in url else '?'}connect_timeout={CONNECT_SECONDS}"
        try:
            self._connection: Any = adbc.connect(url)
        except adbc.Error as error:
            raise SourceError(
                f"{where}: no connection to {address.shown}: {_plain(address, error)}",
                remedy="check host, database, user and password of connection.url",
            ) from error
        try:
            with self._cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            with self._cursor() as cursor:
                cursor.execute(f"SELECT * FROM {relation(read)} LIMIT 0")
                schema = cursor.fetch_record_batch().schema
        except adbc.Error as error:
            self.close()
            raise self._failed(error) from error
        self._types = {field.name: _type_name(field) for field in schema}
        self.columns: Mapping[str, Physical] = {
            name: _CLASSES.get(kind, "other") for name, kind in self._types.items()
        }

    @override
    def count_and_sums(self, condition: str, totals: Mapping[str, str]) -> tuple[int, dict[str, Decimal]]:
        summed = {
            field: column
            for field, column in totals.items()
            if self.columns[column] in {"integer", "decimal", "float"}
        }
        wanted = ["count(*)", *(f"sum({self.quoted(column)}::numeric)::text" for column in summed.values())]
        try:
            with self._cursor() as cursor:
                cursor.execute(
                    f"SELECT {', '.join(wanted)} FROM {relation(self._read)}{where_clause(condition)}"
                )
                row = cursor.fetchone()
        except self._errors as error:
            raise self._failed(error) from error
        sums = {field: Decimal(value or 0) for field, value in zip(summed, row[1:], strict=True)}
        return int(row[0]), {field: value for field, value in sums.items() if value.is_finite()}

    @override
    def rows(self, condition: str, numbers: Mapping[str, bool]) -> Iterator[pl.DataFrame]:
        del numbers  # every number leaves in its own exact form
        columns = ", ".join(
            f"{self._selected(name, kind)} AS {self.quoted(name)}" for name, kind in self._types.items()
        )
        try:
            with self._cursor() as cursor:
                cursor.execute(f"SELECT {columns} FROM {relation(self._read)}{where_clause(condition)}")
                for batch in cursor.fetch_record_batch():
                    if batch.num_rows:
                        frame = pl.from_arrow(batch)
                        assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a record batch is a frame
                        yield frame
        except self._errors as error:
            raise self._failed(error) from error

    @override
    def at_least(self, column: str, start: Cursor, *, is_utc: bool) -> str:
        name = self.quoted(column)
        kind = self._types[column]
        if kind in {"timestamp", "timestamptz"} and isinstance(start, datetime):
            return f"{name} >= {kind} '{start.isoformat(sep=' ')}{'+00' if is_utc else ''}'"
        if kind == "date" and isinstance(start, date):
            return f"{name} >= date '{start.strftime('%Y-%m-%d')}'"
        if self.columns[column] in {"integer", "decimal"} and isinstance(start, int):
            return f"{name} >= {start}"
        return f"{name}::text COLLATE \"C\" >= '{time_text(start)}'"

    @override
    def is_zoned(self, column: str) -> bool:
        return self._types[column] == "timestamptz"

    @override
    def quoted(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    @override
    def close(self) -> None:
        with contextlib.suppress(self._errors):  # a connection that broke cannot be closed better
            self._connection.close()

    def _cursor(self) -> Any:
        return self._connection.cursor()

    def _selected(self, name: str, kind: str) -> str:
        column = self.quoted(name)
        if kind in _AS_THEY_ARE:
            return column
        if kind == "money":
            return f"{column}::numeric::text"
        return f"encode({column}, 'hex')" if kind == "bytea" else f"{column}::text"

    def _failed(self, error: Exception) -> SourceError:
        return failed(self._where, self._read, _plain(self._address, error))


def _type_name(field: Any) -> str:
    metadata = field.metadata or {}
    return (metadata.get(b"POSTGRESQL:type") or metadata.get(b"ADBC:postgresql:typname") or b"").decode()


def _plain(address: Address, error: Exception) -> str:
    """The server's message without the driver's wrapping and without secrets."""
    text = address.scrub(error)
    _, found, message = text.partition("ERROR:")
    return (message if found else text).strip()
