"""Opening the operations database: SQLite in the data home, or Postgres when set; migrated when it is opened.

Every writer takes the same lock first (SQLite: BEGIN IMMEDIATE; Postgres: the row of ``register_head``), so that writers stand
in line and none acts on a state that another one is changing. Readers never wait.

Belongs here: engine, transactions, migrations, bulk loading. Does not: tables' meaning.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, make_url

from finance_sync.errors import OperationsError
from finance_sync.settings import Settings

HEAD = "0001"
_MIGRATIONS = Path(__file__).parent / "migrations"
_WAIT_SECONDS = 120
_MIGRATION_LOCK = 0x66736F70  # any number that only we use: one process migrates at a time
_NULL = "\\N"


@dataclass(frozen=True)
class Operations:
    """The open database.

    Attributes:
        engine: SQLAlchemy's.
        place: where it is, without a password.
    """

    engine: Engine
    place: str

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self.engine.dialect.name

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state and changes nothing."""
        with self.engine.connect() as connection:
            if self.dialect == "sqlite":
                connection.exec_driver_sql("BEGIN")
            else:
                connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            try:
                yield connection
            finally:
                connection.exec_driver_sql("ROLLBACK") if self.dialect == "sqlite" else connection.rollback()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """The one writing transaction: whole or not at all; others wait for it.

        Raises:
            OperationsError: another writer has not ended within two minutes.
        """
        with self.engine.connect() as connection:
            self._lock(connection)
            try:
                yield connection
            except BaseException:
                self._end(connection, "ROLLBACK")
                raise
            self._end(connection, "COMMIT")

    def _lock(self, connection: Connection) -> None:
        try:
            if self.dialect == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_WAIT_SECONDS}s'")
                connection.exec_driver_sql("SELECT seq FROM register_head WHERE id = 1 FOR UPDATE")
        except sa.exc.OperationalError as error:
            raise OperationsError(
                f"another writer holds the operations database {self.place}",
                remedy="wait until the run or the other command has ended, then try again",
            ) from error

    def _end(self, connection: Connection, how: str) -> None:
        if self.dialect == "sqlite":
            connection.exec_driver_sql(how)
        elif how == "COMMIT":
            connection.commit()
        else:
            connection.rollback()

    def stage(self, connection: Connection, name: str, frame: pl.DataFrame, types: dict[str, str]) -> None:
        """Bring a frame into a temporary table, in bulk.

        Args:
            connection: of a writing transaction.
            name: of the temporary table; one of that name is replaced.
            frame: columns of text, whole numbers and dates; amounts as text in their stored form.
            types: SQL type of each of its columns, on Postgres.
        """
        kinds = types
        if (
            self.dialect == "sqlite"
        ):  # it would make a float of what goes into a NUMERIC column, in a temporary table too
            kinds = {column: "bigint" if kind == "bigint" else "text" for column, kind in types.items()}
        columns = ", ".join(f"{column} {kinds[column]}" for column in frame.columns)
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name}")
        connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {name} ({columns})")
        if frame.is_empty():
            return
        raw: Any = connection.connection.cursor()
        try:
            if self.dialect == "sqlite":
                marks = ", ".join("?" * frame.width)
                dates = [column for column, kind in frame.schema.items() if kind == pl.Date]
                rows = frame.with_columns(pl.col(dates).dt.to_string("%Y-%m-%d")) if dates else frame
                raw.executemany(f"INSERT INTO {name} VALUES ({marks})", rows.iter_rows())
            else:
                text = io.BytesIO()
                frame.write_csv(text, include_header=False, null_value=_NULL)
                text.seek(0)
                raw.copy_expert(f"COPY {name} FROM STDIN WITH (FORMAT csv, NULL '{_NULL}')", text)
                raw.execute(f"ANALYZE {name}")
        finally:
            raw.close()

    def close(self) -> None:
        """Let go of the connections."""
        self.engine.dispose()


def open_operations(settings: Settings, *, create: bool = True) -> Operations | None:
    """Open the operations database and bring its schema to the present revision.

    Args:
        settings: ``operations_dsn``, else SQLite in the data home.
        create: make the SQLite file when there is none; False gives None then.

    Raises:
        OperationsError: it cannot be reached, is written by a newer version, or the driver is not installed.
    """
    if settings.operations_dsn is None:
        path = settings.home / "operations" / "operations.sqlite"
        if not path.exists() and not create:
            return None
        path.parent.mkdir(parents=True, exist_ok=True)
        url = sa.URL.create("sqlite+pysqlite", database=str(path))
    else:
        url = _url(settings.operations_dsn.get_secret_value())
    operations = Operations(_engine(url), url.render_as_string(hide_password=True))
    try:
        _migrate(operations)
    except sa.exc.OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0] if error.orig else str(error)
        raise OperationsError(
            f"the operations database {operations.place} cannot be opened: {reason}",
            remedy="check FINANCE_SYNC_OPERATIONS_DSN and that the server is up",
        ) from error
    return operations


def _url(text: str) -> sa.URL:
    try:
        url = make_url(text)
    except sa.exc.ArgumentError as error:
        raise OperationsError(
            "FINANCE_SYNC_OPERATIONS_DSN is no database URL",
            remedy="write sqlite:////path/file.sqlite or postgresql://user:password@host/database",
        ) from error
    backend = url.get_backend_name()
    if backend == "postgresql":
        return url.set(drivername="postgresql+psycopg2")
    if backend == "sqlite":
        return url.set(drivername="sqlite+pysqlite")
    raise OperationsError(
        f"the operations database cannot live in {backend}",
        remedy="set FINANCE_SYNC_OPERATIONS_DSN to a SQLite or PostgreSQL database",
    )


def _engine(url: sa.URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        try:
            return sa.create_engine(url, poolclass=sa.pool.NullPool)
        except ImportError as error:
            raise OperationsError(
                "the driver for PostgreSQL is not installed", remedy="install the extra `postgres`"
            ) from error
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool, connect_args={"timeout": _WAIT_SECONDS})

    @sa.event.listens_for(engine, "connect")
    def _connected(connection: Any, _: Any) -> None:
        # Transactions are begun by us: the driver's own begin too late for a lock and commit before DDL.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA cache_size = -131072")

    return engine


def _revision(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return str(found) if found else None


def _migrate(operations: Operations) -> None:
    with operations.engine.connect() as connection:
        if _revision(connection) == HEAD:
            return
    with operations.engine.connect() as connection:
        if operations.dialect == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
        known = _revision(connection)
        if known != HEAD:
            _upgrade(connection, known, operations.place)
        if operations.dialect == "sqlite":
            connection.exec_driver_sql("COMMIT")
        else:
            connection.commit()


def _upgrade(connection: Connection, known: str | None, place: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, HEAD)
    except CommandError as error:
        raise OperationsError(
            f"the operations database {place} has revision {known}, which this version does not know",
            remedy="use the version of finance-sync that wrote it, or a newer one",
        ) from error
