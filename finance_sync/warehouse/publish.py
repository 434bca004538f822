"""Publication: what readers see. Written aside, swapped in one step; the last good state stays until then.

DuckDB: ``publish/versions/<id>/`` holds one Parquet file a relation and a read-only ``finance_sync.duckdb``; the link
``publish/current`` names the version. Postgres: schemas ``published`` (tables) and ``reporting`` (views), renamed into
place in one transaction, and the same Parquet files.

Belongs here: writing and reading publications. Does not: what the relations hold (dbt) or whether to publish (orchestration).
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from finance_sync.catalog.loader import Deployment
from finance_sync.errors import WarehouseError
from finance_sync.settings import Settings
from finance_sync.warehouse.build import built_generation
from finance_sync.warehouse.engine import (
    DuckDBWarehouse,
    PostgresWarehouse,
    Warehouse,
    open_warehouse,
    quoted,
)
from finance_sync.warehouse.project import Prepared

READER_FILE = "finance_sync.duckdb"
_KEEP_VERSIONS = 3
# Beside the versions: from which build the current one was made, so that an unchanged build is not written out again.
_SOURCE_FILE = "source.json"
_READER_ROLE = "finance_sync_reader"


@dataclass(frozen=True)
class Relation:
    """One relation to publish.

    Attributes:
        schema: schema in the warehouse.
        name: table name there and in the publication.
        sort: columns that order it totally, so that equal content gives equal bytes.
    """

    schema: str
    name: str
    sort: tuple[str, ...]


@dataclass(frozen=True)
class Publication:
    """What was published.

    Attributes:
        path: folder of the version.
        version: content hash.
        tables: rows per relation.
        unchanged: True when the content equals the version before, which then stays as it is.
    """

    path: Path
    version: str
    tables: dict[str, int]
    unchanged: bool


def relations(prepared: Prepared) -> list[Relation]:
    """The models whose dbt meta says ``publish: true``, with their sort keys.

    Raises:
        WarehouseError: a published model names no sort key.
    """
    manifest = json.loads(prepared.manifest_path.read_text())
    found = []
    for node in manifest["nodes"].values():
        meta = node.get("config", {}).get("meta") or {}
        if node["resource_type"] == "model" and meta.get("publish"):
            if not meta.get("sort"):
                raise WarehouseError(
                    f"model {node['name']} is published without a sort key",
                    remedy="add meta.sort to its YAML",
                )
            found.append(Relation(node["schema"], node["alias"], tuple(meta["sort"])))
    return sorted(found, key=lambda item: item.name)


def publish(settings: Settings, deployment: Deployment, prepared: Prepared) -> Publication:
    """Publish the marts for readers.

    Returns:
        The new version, or the standing one when nothing changed.

    Raises:
        WarehouseError: a relation is missing or cannot be written; the last version stays.
    """
    versions = settings.publish_dir / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    if standing := _standing(settings, deployment, prepared):
        return standing
    for leftover in versions.glob("_writing*"):
        shutil.rmtree(leftover)
    aside = versions / f"_writing-{os.getpid()}"
    (aside / "marts").mkdir(parents=True)

    warehouse = open_warehouse(settings)
    try:
        source = _source(warehouse, deployment, prepared)
        rows = {
            item.name: _write_parquet(warehouse, item, aside / "marts" / f"{item.name}.parquet")
            for item in relations(prepared)
        }
        digest = sha256(
            json.dumps(
                {"segments": dict(deployment.segments), "engine": settings.engine}, sort_keys=True
            ).encode()
        )
        for path in sorted((aside / "marts").iterdir()):
            digest.update(path.name.encode())
            with path.open("rb") as handle:
                while block := handle.read(1 << 22):
                    digest.update(block)
        version = digest.hexdigest()[:16]
        current = settings.publish_dir / "current"
        if current.exists() and current.resolve().name == version and (current / READER_FILE).exists():
            shutil.rmtree(aside)
            _note_source(settings, version, source)
            return Publication(current.resolve(), version, rows, unchanged=True)
        _write_reader_file(aside, deployment, rows)
        if isinstance(warehouse, PostgresWarehouse):
            _swap_postgres(warehouse, relations(prepared), deployment)
    finally:
        warehouse.close()

    final = versions / version
    if final.exists():
        shutil.rmtree(final)
    aside.rename(final)
    link = settings.publish_dir / f"_current-{os.getpid()}"
    link.symlink_to(Path("versions") / version)
    link.replace(current)
    _note_source(settings, version, source)
    _drop_old(versions, keep=final)
    return Publication(final, version, rows, unchanged=False)


def _standing(settings: Settings, deployment: Deployment, prepared: Prepared) -> Publication | None:
    """The publication that stands, when the marts are still those of the build that it was made from."""
    note, current = settings.publish_dir / _SOURCE_FILE, settings.publish_dir / "current"
    if not note.exists() or not (current / READER_FILE).exists():
        return None
    noted = json.loads(note.read_text())
    warehouse = open_warehouse(settings)
    try:
        source = _source(warehouse, deployment, prepared)
    finally:
        warehouse.close()
    if noted != {"version": current.resolve().name, "source": source} or not source["build"]:
        return None
    files = sorted((current / "marts").glob("*.parquet"))
    rows = {path.stem: int(pq.ParquetFile(path).metadata.num_rows) for path in files}
    return Publication(current.resolve(), noted["version"], rows, unchanged=True)


def _source(warehouse: Warehouse, deployment: Deployment, prepared: Prepared) -> dict[str, str]:
    """What a publication is made from, as one comparable value."""
    return {
        "build": built_generation(warehouse),
        "deployment": deployment.fingerprint,
        "models": prepared.fingerprint,
    }


def _note_source(settings: Settings, version: str, source: dict[str, str]) -> None:
    note = settings.publish_dir / _SOURCE_FILE
    aside = note.with_suffix(".writing")
    aside.write_text(json.dumps({"version": version, "source": source}))
    aside.replace(note)


def read_published(settings: Settings, sql: str) -> pa.Table:
    """Run a query on the published marts; never touches the warehouse that a run is writing.

    Args:
        settings: engine and places.
        sql: any read-only statement; relations are found by their bare names.

    Raises:
        WarehouseError: nothing is published yet, or the statement is wrong (with the engine's words).
    """
    if settings.engine == "postgres":
        server = PostgresWarehouse(settings, read_only=True)
        try:
            server.execute("set search_path to reporting, published")
            return server.query(sql)
        except WarehouseError:
            raise
        except Exception as error:
            raise WarehouseError(f"the query failed: {error}", remedy="correct the statement") from error
        finally:
            server.close()

    import duckdb

    path = settings.publish_dir / "current" / READER_FILE
    if not path.exists():
        raise WarehouseError(
            f"nothing is published in {settings.publish_dir}", remedy="run `finance-sync run` first"
        )
    try:
        with duckdb.connect(str(path.resolve()), read_only=True) as connection:
            return connection.sql(sql).to_arrow_table()
    except duckdb.Error as error:
        raise WarehouseError(f"the query failed: {error}", remedy="correct the statement") from error


def _write_parquet(warehouse: Warehouse, item: Relation, path: Path) -> int:
    order = ", ".join(f"{quoted(column)} nulls first" for column in item.sort)
    select = f"select * from {quoted(item.schema)}.{quoted(item.name)} order by {order}"
    if isinstance(warehouse, DuckDBWarehouse):
        warehouse.execute(
            f"copy ({select}) to '{path}' (format parquet, compression zstd, preserve_order true)"
        )
        return int(pq.ParquetFile(path).metadata.num_rows)
    table = warehouse.query(select)
    pq.write_table(table, path, compression="zstd")
    return int(table.num_rows)


def _write_reader_file(folder: Path, deployment: Deployment, rows: dict[str, int]) -> None:
    """The file that analysts open: the relations as tables in schema ``data``, views with the segments' own names in ``main``."""
    import duckdb

    with duckdb.connect(str(folder / READER_FILE)) as connection:
        connection.execute("create schema data")
        for name in rows:
            path = folder / "marts" / f"{name}.parquet"
            connection.execute(f"create table data.{quoted(name)} as select * from read_parquet('{path}')")
            columns = [row[0] for row in connection.execute(f"describe data.{quoted(name)}").fetchall()]
            connection.execute(
                f"create view {quoted(name)} as select {named_columns(columns, deployment)} from data.{quoted(name)}"
            )
        connection.execute("checkpoint")


def named_columns(columns: list[str], deployment: Deployment) -> str:
    """Select list in which segments bear the deployment's names and unused ones are left out."""
    parts = []
    for column in columns:
        if column.startswith("segment_") and column[8:].isdigit():
            name = deployment.segments.get(column)
            if name:
                parts.append(f"{quoted(column)} as {quoted(name)}")
        else:
            parts.append(quoted(column))
    return ", ".join(parts)


def _swap_postgres(warehouse: PostgresWarehouse, items: list[Relation], deployment: Deployment) -> None:
    statements = ["drop schema if exists reporting_next cascade", "drop schema if exists published_next cascade",
                  "create schema published_next", "create schema reporting_next"]  # fmt: skip
    for item in items:
        found = warehouse.query(
            "select column_name from information_schema.columns "
            f"where table_schema = '{item.schema}' and table_name = '{item.name}' order by ordinal_position"
        )
        columns = found["column_name"].to_pylist()
        table = f"published_next.{quoted(item.name)}"
        statements.append(f"create table {table} as select * from {quoted(item.schema)}.{quoted(item.name)}")
        statements.append(
            f"create view reporting_next.{quoted(item.name)} as select {named_columns(columns, deployment)} from {table}"
        )
    statements += [
        "drop schema if exists reporting cascade", "drop schema if exists published cascade",
        "alter schema published_next rename to published", "alter schema reporting_next rename to reporting",
        (f"do $$ begin if exists (select from pg_roles where rolname = '{_READER_ROLE}') then "
        f"grant usage on schema published, reporting to {_READER_ROLE}; "
        f"grant select on all tables in schema published, reporting to {_READER_ROLE}; end if; end $$"),
    ]  # fmt: skip
    warehouse.transaction(statements)


def _drop_old(versions: Path, *, keep: Path) -> None:
    """Keep the newest few versions: a reader may still be on the one before."""
    others = sorted(
        (path for path in versions.iterdir() if path != keep),
        key=lambda path: path.stat().st_mtime,
        reverse=True,
    )
    for path in others[_KEEP_VERSIONS - 1 :]:
        shutil.rmtree(path)
