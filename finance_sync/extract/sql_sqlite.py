"""SQLite. It stores NUMERIC as binary floats where it can, so numbers are read as text and summed as whole numbers.

Belongs here: the questions in SQLite's own words. Does not: what is asked (sql).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

import polars as pl
import pyarrow as pa
import sqlalchemy as sa
from typing_extensions import override

from finance_sync.catalog.models import SqlRead
from finance_sync.errors import SourceError
from finance_sync.extract.connection import CONNECT_SECONDS, Address
from finance_sync.extract.pull import Cursor, Physical
from finance_sync.extract.sql import Database, failed, relation, time_text, where_clause

_FETCH = 5_000  # rows held as Python values at once; larger pages are slower (measured: 8 s per million rows against 3 s)
_FRACTION = 10  # decimals that the exact sum carries


class SqliteDatabase(Database):
    """One read transaction on a database file."""

    dynamic = True

    def __init__(self, address: Address, read: SqlRead, where: str) -> None:
        """Open the file and look at the relation's columns.

        Raises:
            SourceError: there is no such file or relation, or it is no SQLite database.
        """
        self._read, self._where = read, where
        path = Path(sa.make_url(address.url).database or "")
        if not path.is_file():
            raise SourceError(f"{where}: there is no database file {path}", remedy="check connection.url")
        # mode=rw never creates a file; query_only keeps this connection from writing.
        self._connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode=rw",
            uri=True,
            timeout=CONNECT_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            self._connection.execute("PRAGMA query_only = ON")
            self._connection.execute("BEGIN")
            cursor = self._connection.execute(f"SELECT * FROM {relation(read)} LIMIT 0")
        except sqlite3.Error as error:
            self.close()
            raise failed(where, read, str(error)) from error
        self.columns: Mapping[str, Physical] = {item[0]: "text" for item in cursor.description}

    @override
    def count_and_sums(self, condition: str, totals: Mapping[str, str]) -> tuple[int, dict[str, Decimal]]:
        sums: dict[str, Decimal] = {}
        text = f"SELECT count(*) FROM {relation(self._read)}{where_clause(condition)}"
        try:
            rows = int(self._connection.execute(text).fetchone()[0])
        except sqlite3.Error as error:
            raise failed(self._where, self._read, str(error)) from error
        for field, column in totals.items():
            try:
                whole, fraction = self._exact_sum(column, condition)
            except sqlite3.Error:  # beyond 64 bits: SQLite cannot say it exactly, so it says nothing
                continue
            sums[field] = Decimal(whole or 0) + Decimal(fraction or 0).scaleb(-_FRACTION)
        return rows, sums

    @override
    def rows(self, condition: str, numbers: Mapping[str, bool]) -> Iterator[pl.DataFrame]:
        wanted = ", ".join(
            self._number(name, as_float=numbers[name])
            if name in numbers
            else f"CAST({self.quoted(name)} AS TEXT)"
            for name in self.columns
        )
        try:
            cursor = self._connection.execute(
                f"SELECT {wanted} FROM {relation(self._read)}{where_clause(condition)}"
            )
            with closing(cursor):
                while fetched := cursor.fetchmany(_FETCH):
                    arrays = [pa.array(values, pa.string()) for values in zip(*fetched, strict=True)]
                    frame = pl.from_arrow(pa.table(arrays, names=list(self.columns)))
                    assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a table is a frame
                    yield frame
        except sqlite3.Error as error:
            raise failed(self._where, self._read, str(error)) from error

    @override
    def at_least(self, column: str, start: Cursor, *, is_utc: bool) -> str:
        del is_utc
        if isinstance(start, int):
            return f"{self.quoted(column)} >= {start}"
        text = time_text(start)
        # "2026-01-31T10:00" and "2026-01-31 10:00" must both compare: the blank sorts first.
        return f"{self.quoted(column)} >= '{text}'"

    @override
    def is_zoned(self, column: str) -> bool:
        del column
        return False

    @override
    def quoted(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    @override
    def close(self) -> None:
        self._connection.close()

    def _number(self, column: str, *, as_float: bool = False) -> str:
        """A number as text. A stored float gives the fifteen digits it was written with, or, where those are another float,
        all of its binary digits, so that the contract rejects what cannot be known."""  # noqa: D205, D209
        name = self.quoted(column)
        text = f"CAST({name} AS TEXT)"
        if as_float:
            return f"CASE typeof({name}) WHEN 'real' THEN printf('%!.17g', {name}) ELSE {text} END"
        is_exact = f"CAST({text} AS REAL) = {name} AND instr({text}, 'e') = 0"
        return f"CASE WHEN typeof({name}) <> 'real' OR ({is_exact}) THEN {text} ELSE printf('%!.10f', {name}) END"

    def _exact_sum(self, column: str, condition: str) -> tuple[int | None, int | None]:
        """Two whole numbers: the sum of the integer parts and that of the fractions, in units of the tenth decimal."""
        # The limit keeps SQLite from folding the subquery into the outer one, which would work out the text many times a row.
        texts = (
            f"SELECT trim({self._number(column)}) AS t FROM {relation(self._read)}{where_clause(condition)}"
            " LIMIT -1 OFFSET 0"
        )
        digits = (
            f"CAST(substr(substr(t, instr(t, '.') + 1) || '{'0' * _FRACTION}', 1, {_FRACTION}) AS INTEGER)"
        )
        sign = "CASE WHEN substr(t, 1, 1) = '-' THEN -1 ELSE 1 END"
        fraction = f"CASE WHEN instr(t, '.') > 0 THEN {sign} * {digits} ELSE 0 END"
        row = self._connection.execute(f"SELECT sum(CAST(t AS INTEGER)), sum({fraction}) FROM ({texts})")
        whole, part = row.fetchone()
        return whole, part
