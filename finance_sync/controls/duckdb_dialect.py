"""A SQLAlchemy dialect for DuckDB, ``duckdb+fs://``, through which Great Expectations sees its rows.

Belongs here: what duckdb-engine lacks for push-down. Does not: knowledge of suites or of the warehouse's
tables.

duckdb-engine shares one cursor among all statements of a connection, and GX reads a result after it has given
the connection back: the rows are gone and every expectation "fails". Here each statement has a cursor of its
own.
"""

from __future__ import annotations

import contextlib
import weakref
from typing import Any

import duckdb
from duckdb_engine import ConnectionWrapper, CursorWrapper, Dialect
from sqlalchemy import text, types
from sqlalchemy.dialects import registry
from sqlalchemy.engine.interfaces import ReflectedColumn, ReflectedPrimaryKeyConstraint
from sqlalchemy.exc import NoSuchTableError

NAME = "duckdb+fs"

_COLUMNS = """
select column_name, is_nullable from duckdb_columns()
where table_name = :table_name and schema_name = :schema_name and database_name = current_database()
order by column_index
"""
_SCHEMAS = "select schema_name from duckdb_schemas() where database_name = current_database()"


def register() -> None:
    """Make ``duckdb+fs://`` known to SQLAlchemy; may be called again."""
    registry.register("duckdb.fs", __name__, "OwnCursorDialect")


class _OwnCursor(CursorWrapper):
    """A cursor with a DuckDB connection of its own on the same database."""

    def __init__(self, duplicate: duckdb.DuckDBPyConnection, connection: _Connection) -> None:
        super().__init__(duplicate, connection)
        self._duplicate = duplicate

    def close(self) -> None:
        """Let go of the result and of the duplicate connection, which would keep the file open."""
        self._duplicate.close()


class _Connection(ConnectionWrapper):
    """A DBAPI connection whose cursors are independent and die with it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        super().__init__(connection)
        self._connection = connection
        self._cursors: weakref.WeakSet[_OwnCursor] = weakref.WeakSet()

    def cursor(self) -> _OwnCursor:
        """A new cursor; its transaction is its own, which is what reading needs."""
        cursor = _OwnCursor(self._connection.cursor(), self)
        self._cursors.add(cursor)
        return cursor

    def begin(self) -> None:
        """Nothing: every statement runs, and ends, in its own cursor."""

    def commit(self) -> None:
        """Nothing, see begin."""

    def rollback(self) -> None:
        """Nothing, see begin."""

    def close(self) -> None:
        """Close all cursors, then the connection, so that the file's lock is free at once."""
        for cursor in list(self._cursors):
            with contextlib.suppress(duckdb.Error):
                cursor.close()
        self._connection.close()
        self.closed = True


class OwnCursorDialect(Dialect):
    """duckdb-engine's dialect with independent cursors and with reflection by DuckDB's own catalog functions.

    Connect arguments are those of ``duckdb.connect``. They are passed on untouched: a process may open one
    file several times only with equal options, and duckdb-engine would add its own.
    """

    driver = "fs"
    supports_statement_cache = True

    def connect(self, *arguments: Any, **options: Any) -> Any:
        """Open a connection; ``url_config`` (options in the URL) is not supported and ignored."""
        options.pop("url_config", None)
        return _Connection(duckdb.connect(*arguments, **options))

    def get_columns(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> list[ReflectedColumn]:
        """Columns of a table or view. Types are left out: nothing here asks for them."""
        place = {"table_name": str(table_name), "schema_name": schema or "main"}
        rows = connection.execute(text(_COLUMNS), place).fetchall()
        if not rows:
            raise NoSuchTableError(table_name)
        return [
            {"name": name, "type": types.NullType(), "nullable": nullable, "default": None}
            for name, nullable in rows
        ]

    def get_pk_constraint(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> ReflectedPrimaryKeyConstraint:
        """None: grain is tested, not declared."""
        del connection, table_name, schema
        return {"constrained_columns": [], "name": None}

    def get_schema_names(self, connection: Any, **_: Any) -> list[str]:
        """Plain schema names of the database."""
        return [name for (name,) in connection.execute(text(_SCHEMAS)).fetchall()]
