"""Publication: what readers see. Written aside, swapped in one step; the last good state stays until then.

DuckDB: ``publish/versions/<id>/`` holds the relations as Parquet and a read-only ``finance_sync.duckdb``; the link
``publish/current`` names the version. Postgres: schemas ``published`` (tables) and ``reporting`` (views), renamed into
place in one transaction, and the same Parquet files. What did not move since the version before is taken over from it.

Belongs here: versions, and reading them. Does not: the slices' files (slices), what the relations hold (dbt) or whether to
publish (orchestration).
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import pyarrow as pa

from finance_sync.catalog.loader import Deployment
from finance_sync.errors import WarehouseError
from finance_sync.settings import Settings
from finance_sync.warehouse.build import built_generation
from finance_sync.warehouse.engine import (
    PostgresWarehouse,
    Warehouse,
    open_warehouse,
    quoted,
)
from finance_sync.warehouse.project import Prepared
from finance_sync.warehouse.slices import (
    Contents,
    Relation,
    contents,
    literal,
    published_files,
    row_counts,
    write,
)

READER_FILE = "finance_sync.duckdb"
_KEEP_VERSIONS = 3
# Beside the versions: what the current one was made from, so that what did not change is not written out again.
_SOURCE_FILE = "source.json"
_READER_ROLE = "finance_sync_reader"
_BESIDE = "register"  # schema in the warehouse and folder of a version: what is not dbt's
_FOLDERS = ("marts", _BESIDE)


@dataclass(frozen=True)
class Beside:
    """A relation that is not dbt's, published beside the marts (folder ``register`` of a version).

    Attributes:
        name: its name in the publication.
        sort: columns that order it totally.
        state: changes when its content may have.
        read: reads it, when it is to be written.
    """

    name: str
    sort: tuple[str, ...]
    state: str
    read: Callable[[], pa.Table]


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
            found.append(Relation(node["schema"], node["alias"], tuple(meta["sort"]), meta.get("slice")))
    return sorted(found, key=lambda item: item.name)


def publish(
    settings: Settings, deployment: Deployment, prepared: Prepared, beside: Sequence[Beside] = ()
) -> Publication:
    """Publish the marts for readers, and what stands beside them.

    Returns:
        The new version, or the standing one when nothing changed.

    Raises:
        WarehouseError: a relation is missing or cannot be written; the last version stays.
    """
    versions = settings.publish_dir / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    for leftover in versions.glob("_writing*"):
        shutil.rmtree(leftover)
    current = settings.publish_dir / "current"
    warehouse = open_warehouse(settings)
    try:
        source = _source(warehouse, deployment, prepared, beside)
        before = _noted(settings)
        if before is not None and before.source == source and source["build"]:
            return Publication(current.resolve(), before.version, _rows(current), unchanged=True)
        aside = versions / f"_writing-{os.getpid()}"
        items = relations(prepared)
        for extra in beside:
            warehouse.load(_BESIDE, extra.name, extra.read())
            items.append(Relation(_BESIDE, extra.name, extra.sort))
        found = contents(warehouse, items)
        base = before if before is not None and before.can_be_base_of(source) else None
        written: Contents = {}
        for folder in _FOLDERS:
            (aside / folder).mkdir(parents=True)
            written |= write(
                warehouse,
                [item for item in items if _folder(item) == folder],
                found,
                aside / folder,
                standing=current.resolve() / folder if base is not None else None,
                known=base.contents if base is not None else {},
                threads=settings.threads,
            )
        rows = _rows(aside)
        version = _version(aside, deployment, settings)
        if current.exists() and current.resolve().name == version and (current / READER_FILE).exists():
            shutil.rmtree(aside)
            # the same bytes under another source: the reader file is what it was when it was made whole
            whole = before.whole if before is not None else (current / READER_FILE).stat().st_size
            _note(settings, _Noted(version, source, found, whole))
            return Publication(current.resolve(), version, rows, unchanged=True)
        whole = _write_reader_file(aside, deployment, items, written, base, current)
        if isinstance(warehouse, PostgresWarehouse):
            _swap_postgres(warehouse, items, deployment)
    finally:
        warehouse.close()

    final = versions / version
    if final.exists():
        shutil.rmtree(final)
    aside.rename(final)
    link = settings.publish_dir / f"_current-{os.getpid()}"
    link.symlink_to(Path("versions") / version)
    link.replace(current)
    _note(settings, _Noted(version, source, found, whole))
    _drop_old(versions, keep=final)
    return Publication(final, version, rows, unchanged=False)


def _folder(item: Relation) -> str:
    """Folder of a version in which a relation lies."""
    return _BESIDE if item.schema == _BESIDE else "marts"


def _files(version: Path) -> dict[str, list[Path]]:
    """Relation -> its files, of all folders of a version; one published before there was a register has no folder of it."""
    return {
        name: paths
        for folder in _FOLDERS
        if (version / folder).exists()
        for name, paths in published_files(version / folder).items()
    }


def _rows(version: Path) -> dict[str, int]:
    return {
        name: rows
        for folder in _FOLDERS
        if (version / folder).exists()
        for name, rows in row_counts(version / folder).items()
    }


def _version(folder: Path, deployment: Deployment, settings: Settings) -> str:
    """Hash of everything that readers get: the files' bytes, the names of the segments, the engine."""
    digest = sha256(
        json.dumps(
            {"segments": dict(deployment.segments), "engine": settings.engine}, sort_keys=True
        ).encode()
    )
    for paths in _files(folder).values():
        for path in paths:
            digest.update(path.relative_to(folder).as_posix().encode())
            with path.open("rb") as handle:
                while block := handle.read(1 << 22):
                    digest.update(block)
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class _Noted:
    """What is noted beside the versions of the one that stands.

    Attributes:
        version: its id.
        source: what it was made from.
        contents: fingerprints of its slices.
        whole: bytes of the reader file when it was last made from nothing.
    """

    version: str
    source: dict[str, str]
    contents: Contents
    whole: int

    def can_be_base_of(self, source: dict[str, str]) -> bool:
        """Same relations, models and names: what did not move can be taken over."""
        return self.source.keys() == source.keys() and all(
            self.source.get(key) == source[key] for key in ("models", "segments")
        )


def _source(
    warehouse: Warehouse, deployment: Deployment, prepared: Prepared, beside: Sequence[Beside]
) -> dict[str, str]:
    """What a publication is made from, as one comparable value."""
    return {
        "build": built_generation(warehouse),
        "deployment": deployment.fingerprint,
        "models": prepared.fingerprint,
        "segments": json.dumps(dict(deployment.segments), sort_keys=True),
        **{f"{_BESIDE}.{extra.name}": extra.state for extra in beside},
    }


def _noted(settings: Settings) -> _Noted | None:
    """The note of the version that stands; None when there is none, or it is of another version."""
    note, current = settings.publish_dir / _SOURCE_FILE, settings.publish_dir / "current"
    if not note.exists() or not (current / READER_FILE).exists():
        return None
    said = json.loads(note.read_text())
    if said.keys() != _Noted.__annotations__.keys() or said["version"] != current.resolve().name:
        return None
    return _Noted(**said)


def _note(settings: Settings, noted: _Noted) -> None:
    note = settings.publish_dir / _SOURCE_FILE
    aside = note.with_suffix(".writing")
    aside.write_text(json.dumps(asdict(noted)))
    aside.replace(note)


@dataclass(frozen=True)
class Reading:
    """One publication, held open: every query of it sees the same version.

    Attributes:
        version: content hash of the publication.
        relations: names that can be queried.
        query: runs a read-only statement; relations are found by their bare names.
    """

    version: str
    relations: frozenset[str]
    query: Callable[[str], pa.Table]


@contextmanager
def open_published(settings: Settings) -> Iterator[Reading]:
    """Open the publication for several queries; never touches the warehouse that a run is writing.

    Raises:
        WarehouseError: nothing is published yet; ``query`` raises it when a statement is wrong (with the engine's words).
    """
    current = settings.publish_dir / "current"
    with ExitStack() as cleanup:
        query: Callable[[str], pa.Table]
        if settings.engine == "postgres":
            server = PostgresWarehouse(settings, read_only=True)
            cleanup.callback(server.close)
            server.execute("set search_path to reporting, published")
            query, schema = cleanup.enter_context(server.hold("reporting")), "reporting"
            version = current.resolve().name
        else:
            import duckdb

            path = (current / READER_FILE).resolve()
            if not path.exists():
                raise WarehouseError(
                    f"nothing is published in {settings.publish_dir}", remedy="run `finance-sync run` first"
                )
            connection = cleanup.enter_context(duckdb.connect(str(path), read_only=True))
            query, schema = lambda sql: connection.sql(sql).to_arrow_table(), "main"
            version = path.parent.name

        def asked(sql: str) -> pa.Table:
            try:
                return query(sql)
            except Exception as error:
                raise WarehouseError(f"the query failed: {error}", remedy="correct the statement") from error

        names = asked(f"select table_name from information_schema.tables where table_schema = '{schema}'")
        yield Reading(version, frozenset(names["table_name"].to_pylist()), asked)


def read_published(settings: Settings, sql: str) -> pa.Table:
    """Run a query on the published marts; never touches the warehouse that a run is writing.

    Args:
        settings: engine and places.
        sql: any read-only statement; relations are found by their bare names.

    Raises:
        WarehouseError: nothing is published yet, or the statement is wrong (with the engine's words).
    """
    with open_published(settings) as reading:
        return reading.query(sql)


def _write_reader_file(
    folder: Path,
    deployment: Deployment,
    items: list[Relation],
    written: Contents,
    base: _Noted | None,
    current: Path,
) -> int:
    """The file that analysts open: the relations as tables in schema ``data``, views with the segments' own names in ``main``.

    It begins as a copy of the standing one, in which the slices that moved are replaced; one that has grown to twice its size by
    that, or has no base, is made from nothing.

    Returns:
        Its bytes when it was last made from nothing.
    """
    import duckdb

    path = folder / READER_FILE
    standing = current / READER_FILE
    published = _files(folder)
    taken_over = base is not None and standing.stat().st_size < 2 * base.whole
    if taken_over:
        shutil.copyfile(standing, path)
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema if not exists data")
        for item in items:
            files = published[item.name]
            table = f"data.{quoted(item.name)}"
            if taken_over and item.slice is not None:
                moved = written.get(item.name, {})
                there = {file.name for file in files}
                known = base.contents[item.name] if base is not None else {}
                gone = [value for value in known if item.file(folder, value).name not in there]
                if away := [*moved, *gone]:
                    values = ", ".join(literal(value) for value in away)
                    connection.execute(f"delete from {table} where {quoted(item.slice)} in ({values})")
                files = [item.file(folder / "marts", value) for value in moved]
                if files:
                    connection.execute(f"insert into {table} by name select * from {_parquet(files)}")
            elif not taken_over or item.name in written:
                connection.execute(f"create or replace table {table} as select * from {_parquet(files)}")
                columns = [row[0] for row in connection.execute(f"describe {table}").fetchall()]
                connection.execute(
                    f"create or replace view {quoted(item.name)} as select {named_columns(columns, deployment)} from {table}"
                )
        connection.execute("checkpoint")
    return base.whole if taken_over and base is not None else path.stat().st_size


def _parquet(files: list[Path]) -> str:
    return f"read_parquet([{', '.join(literal(str(file)) for file in files)}])"


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
