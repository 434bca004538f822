"""How the checks reach the warehouse: address, options, and plain queries beside Great Expectations.

Belongs here: SQLAlchemy engines on DuckDB and Postgres, for reading. Does not: loading or building
(warehouse).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from finance_sync.settings import Settings


@dataclass(frozen=True)
class ConnectionInfo:
    """Address of the warehouse.

    Attributes:
        engine: duckdb or postgres.
        path: file of the DuckDB warehouse.
        dsn: postgresql://... of the Postgres warehouse; kept out of repr, it may hold a password.
        read_only: open DuckDB read-only (another process may then read too). Pass False inside the process
            that already holds the file for writing: DuckDB wants equal options for one file.
        config: DuckDB options, equal to those of the writer where it is the same process.
    """

    engine: Literal["duckdb", "postgres"]
    path: str = ""
    dsn: str = field(default="", repr=False)
    read_only: bool = True
    config: Mapping[str, str] = field(default_factory=dict)

    def url(self) -> str:
        """SQLAlchemy URL."""
        if self.engine == "postgres":
            # A bare postgresql:// means another driver from SQLAlchemy 2.1 on.
            return "postgresql+psycopg2://" + self.dsn.partition("://")[2]
        return f"duckdb+fs:///{self.path}"

    def engine_options(self) -> dict[str, Any]:
        """Keyword arguments of ``sqlalchemy.create_engine``."""
        if self.engine == "postgres":
            return {"connect_args": {"connect_timeout": 10, "options": "-c default_transaction_read_only=on"}}
        return {"connect_args": {"read_only": self.read_only, "config": dict(self.config)}}

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, password included: for a pipe, never for a file or a log."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ConnectionInfo:
        """The inverse of to_json."""
        return cls(**data)


def connection_info(settings: Settings, *, read_only: bool = True) -> ConnectionInfo:
    """Address of the warehouse that the settings name; starts the embedded Postgres when that is the engine.

    Args:
        settings: engine and places.
        read_only: see ConnectionInfo; False inside the process that holds the DuckDB file for writing.

    Raises:
        WarehouseError: the embedded Postgres is not installed.
    """
    from finance_sync.warehouse.engine import duckdb_config, postgres_uri

    if settings.engine == "postgres":
        uri, _ = postgres_uri(settings)
        return ConnectionInfo(engine="postgres", dsn=uri)
    return ConnectionInfo(
        engine="duckdb",
        path=str(settings.warehouse_path),
        read_only=read_only,
        config=duckdb_config(settings),
    )


class Reader:
    """Plain read-only queries. Use as a context manager; decimals arrive as Decimal."""

    def __init__(self, info: ConnectionInfo) -> None:
        """Open one connection.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the warehouse cannot be reached, or another process writes to it.
        """
        import sqlalchemy

        self._text = sqlalchemy.text
        self.error = sqlalchemy.exc.SQLAlchemyError
        self._engine = create_engine(info)
        try:
            self._connection = self._engine.connect()
        except BaseException:
            self._engine.dispose()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._engine.dispose()

    def rows(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        """All rows of a query, as dictionaries.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the statement fails; the connection stays usable.
        """
        try:
            return [
                dict(row)
                for row in self._connection.execute(self._text(sql), parameters).mappings().fetchall()
            ]
        finally:
            # Postgres refuses everything after a failed statement until the transaction ends.
            self._connection.rollback()

    def exists(self, schema: str, table: str) -> bool:
        """Whether a table or view is there."""
        sql = "select 1 from information_schema.tables where table_schema = :schema and table_name = :name"
        return bool(self.rows(sql, schema=schema, name=table))


def create_engine(info: ConnectionInfo) -> Any:
    """SQLAlchemy engine of an address."""
    import sqlalchemy

    if info.engine == "duckdb":
        from finance_sync.controls.duckdb_dialect import register

        register()
    return sqlalchemy.create_engine(info.url(), **info.engine_options())
