"""Dagster's SQLite event log with connections that stay open and batches that are one transaction.

Dagster's own storage makes an engine, a connection and a compiled statement for every event, which costs
about 8 ms each; a night of a few hundred events spends seconds on it. This one keeps one engine per file, so
that an event costs about 2 ms, and stores batched events (one per partition of a range) in one transaction.
Tables and
files are Dagster's own: the stock class reads what this one wrote, and the other way round.

Belongs here: how events are written. Does not: which (the steps), where (instance).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from dagster import DagsterEventType
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import StaticPool

# One file per run and the index; the server of the UI may look at many runs.
_OPEN_FILES = 8


class PooledSqliteEventLog(SqliteEventLogStorage):
    """SQLite event log that keeps its connections."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._known_tables: dict[str, bool] = {}
        self._known_columns: dict[str, bool] = {}
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> PooledSqliteEventLog:
        """Made by Dagster from dagster.yaml."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock, self._engine(shard).connect() as connection, connection.begin():
            yield connection

    def _engine(self, shard: str) -> Engine:
        engine = self._engines.get(shard)
        if engine is None:
            engine = sa.create_engine(
                self.conn_string_for_shard(shard),
                poolclass=StaticPool,
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
            )
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                # The last event may be lost in a power cut; the state of the data is not kept here.
                connection.exec_driver_sql("PRAGMA synchronous=NORMAL")
            self._engines[shard] = engine
            while len(self._engines) > _OPEN_FILES:
                oldest = next(name for name in self._engines if name != INDEX_SHARD_NAME)
                self._engines.pop(oldest).dispose()
        self._engines.move_to_end(shard)
        return engine

    def has_table(self, table_name: str) -> bool:
        """Tables do not go away: a yes is kept."""
        if not self._known_tables.get(table_name):
            self._known_tables[table_name] = super().has_table(table_name)
        return self._known_tables[table_name]

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        if not self._known_columns.get(column_name):
            self._known_columns[column_name] = super()._has_asset_key_col_on_connection(conn, column_name)
        return self._known_columns[column_name]

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events; materializations (done or planned) of one run in one transaction per file."""
        kinds = {DagsterEventType.ASSET_MATERIALIZATION, DagsterEventType.ASSET_MATERIALIZATION_PLANNED}
        batch = [event for event in events if event.is_dagster_event and event.dagster_event_type in kinds]
        if len({event.run_id for event in batch}) == 1:
            self._store_materializations(batch)
        else:
            batch = []
        done = {id(event) for event in batch}
        for event in events:
            if id(event) not in done:
                self.store_event(event)

    def _store_materializations(self, events: Sequence[EventLogEntry]) -> None:
        rows = [self._event_to_row(event) for event in events]
        table = SqlEventLogStorageTable
        with self.run_connection(events[0].run_id) as connection:
            connection.execute(table.insert(), rows)
        with self.index_transaction() as connection:
            insert = table.insert().returning(table.c.id, sort_by_parameter_order=True)
            ids: list[int] = list(connection.execute(insert, rows).scalars())
            self._store_asset_event_tags(connection, events, ids)
            # The row of an asset holds its last event only.
            last = {
                event.get_dagster_event().asset_key: (event, number)
                for event, number in zip(events, ids, strict=True)
            }
            for event, number in last.values():
                self._store_asset_event(connection, event, number)

    def wipe(self) -> None:
        """Delete everything; open files first."""
        self._close()
        super().wipe()

    def dispose(self) -> None:
        """Close every file."""
        super().dispose()
        self._close()

    def _close(self) -> None:
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()
