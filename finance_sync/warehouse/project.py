"""The dbt side of the warehouse: the generated root project, its manifest, and runs of it inside this process.

Belongs here: everything that knows dbt. Does not: what is in scope of a run (scope), tables beside dbt's (meta).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from finance_sync.catalog.loader import Deployment
from finance_sync.errors import WarehouseError
from finance_sync.settings import Settings, export, telemetry_off
from finance_sync.warehouse.engine import dbt_profile

LAYERS: dict[str, tuple[str, ...]] = {
    "canonical": ("fqn:deployment", "fqn:finance_sync.canonical"),
    "reconciled": ("fqn:finance_sync.reconciled", "fqn:finance_sync.marts"),
}

_SCHEMA_MACRO = """{# Schemas are named as they are; no prefix of the target. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
  {{ custom_schema_name or target.schema }}
{%- endmacro %}
"""

# dbt looks macros of a staging model up in its own project first: adopters write landed(...) without a package name.
_LANDED_MACRO = """{% macro landed(system, object) -%}
  {{ finance_sync.landed(system, object) }}
{%- endmacro %}
"""


@dataclass(frozen=True)
class Prepared:
    """A root project ready to run.

    Attributes:
        project_dir: folder of the generated dbt root project.
        manifest_path: manifest.json of it.
        fingerprint: hash of everything that parsing reads; equal fingerprints share a manifest.
    """

    project_dir: Path
    manifest_path: Path
    fingerprint: str


@dataclass(frozen=True)
class ModelResult:
    """What became of one dbt node.

    Attributes:
        unique_id: dbt's id, e.g. model.finance_sync.dim_account.
        resource_type: model, test, seed ...
        status: success, error, skipped, pass, fail, warn.
        seconds: run time.
        message: dbt's or the engine's words.
        failures: failing rows of a test.
    """

    unique_id: str
    resource_type: str
    status: str
    seconds: float
    message: str
    failures: int

    @property
    def name(self) -> str:
        """Last part of the id (for tests the name without its hash)."""
        return self.unique_id.split(".")[2]

    @property
    def failed(self) -> bool:
        """True for an error, a failing test, or a node skipped because of one."""
        return self.status in {"error", "fail", "skipped", "runtime error"}


def code_fingerprint(*folders: Path) -> str:
    """SHA-256 over names and contents of the SQL and YAML files below the folders."""
    digest = sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if (
                path.suffix in {".sql", ".yml", ".yaml", ".csv"}
                and path.is_file()
                and "target" not in path.parts
            ):
                digest.update(str(path.relative_to(folder)).encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def prepare(settings: Settings, deployment: Deployment) -> Prepared:
    """Write the root project and parse it, unless a manifest of the same inputs is there.

    Raises:
        WarehouseError: dbt cannot parse the deployment's staging models; carries dbt's message.
    """
    folder = settings.dbt_dir / settings.engine
    files = _project_files(settings, deployment)
    digest = sha256(code_fingerprint(settings.dbt_package, deployment.staging_dir).encode())
    for name, text in sorted(files.items()):
        digest.update(name.encode() + text.encode())
    digest.update(_versions().encode())
    fingerprint = digest.hexdigest()

    prepared = Prepared(folder, folder / "target" / "manifest.json", fingerprint)
    stamp = folder / "fingerprint"
    if stamp.exists() and stamp.read_text() == fingerprint and prepared.manifest_path.exists():
        return prepared

    folder.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    shutil.rmtree(folder / "target", ignore_errors=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    _link(folder / "staging", deployment.staging_dir)
    _link(folder / "dbt_packages" / "finance_sync", settings.dbt_package)

    _environment(settings)
    result = _runner(None).invoke(["parse", *_flags(prepared)])
    if not result.success:
        raise WarehouseError(
            f"dbt cannot read the models of deployment {deployment.name!r}: {result.exception}",
            remedy=f"correct the staging model named above, below {deployment.staging_dir}",
        )
    stamp.write_text(fingerprint)
    return prepared


def run_dbt(
    settings: Settings,
    prepared: Prepared,
    *,
    layer: str,
    variables: dict[str, Any],
    full_refresh: bool,
    on_result: Callable[[ModelResult], None] | None = None,
) -> list[ModelResult]:
    """Build one layer: its models and their tests.

    Args:
        settings: engine and places.
        prepared: the parsed project.
        layer: key of LAYERS.
        variables: dbt vars of this run (landed files, business date).
        full_refresh: rebuild incremental models from nothing.
        on_result: told of every node as it ends.

    Returns:
        One result per node, in the order in which they ended.

    Raises:
        WarehouseError: dbt itself failed (not a model of it).
    """
    from dbt.contracts.graph.manifest import Manifest

    _environment(settings)
    saved = prepared.project_dir / "target" / "partial_parse.msgpack"
    manifest = None
    if saved.exists():
        manifest = Manifest.from_msgpack(saved.read_bytes())
        manifest.build_flat_graph()  # type: ignore[no-untyped-call]
    arguments = [
        "build", *_flags(prepared), "--no-write-json", "--select", *LAYERS[layer], "--exclude-resource-type", "unit_test",
        "--indirect-selection", "cautious", "--vars", json.dumps(variables),
    ]  # fmt: skip
    if full_refresh:
        arguments.append("--full-refresh")

    def listen(event: Any) -> None:
        if event.info.name != "NodeFinished" or on_result is None:
            return
        info = event.data.node_info
        on_result(
            ModelResult(info.unique_id, info.resource_type, event.data.run_result.status,
                        event.data.run_result.execution_time, event.data.run_result.message, 0)
        )  # fmt: skip

    outcome = _runner(manifest, [listen]).invoke(arguments)
    results = getattr(outcome.result, "results", None)
    if results is None:
        raise WarehouseError(
            f"dbt could not run layer {layer}: {outcome.exception}", remedy="see the log in the data home"
        )
    return [
        ModelResult(item.node.unique_id, str(item.node.resource_type), str(item.status), item.execution_time,
                    item.message or "", item.failures or 0)
        for item in results
    ]  # fmt: skip


def release_duckdb() -> None:
    """Close the connection that dbt keeps to the warehouse's file, so that other processes can open it."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]


def _project_files(settings: Settings, deployment: Deployment) -> dict[str, str]:
    feeds = {name: [item.staging_model for item in items] for name, items in deployment.feeds.items()}
    project = {
        "name": "deployment",
        "version": "1.0",
        "profile": "finance_sync",
        "model-paths": ["staging"],
        "macro-paths": ["macros"],
        "flags": {
            "send_anonymous_usage_stats": False,
            "require_ref_prefers_node_package_to_root": True,
            "partial_parse": True,
        },
        "vars": {"feeds": feeds, "segments": dict(deployment.segments), "group_currency": deployment.group_currency,
                 "deployment": deployment.name},
        "models": {"deployment": {"+materialized": "view", "+schema": "staging"}},
    }  # fmt: skip
    profile = dbt_profile(settings)
    if "password" in profile:
        profile["password"] = "{{ env_var('FINANCE_SYNC_DBT_PASSWORD', '') }}"  # noqa: S105 (a reference, no password)
    return {
        "dbt_project.yml": yaml.safe_dump(project, sort_keys=True),
        "packages.yml": yaml.safe_dump({"packages": [{"local": str(settings.dbt_package)}]}),
        "profiles.yml": yaml.safe_dump({"finance_sync": {"target": "main", "outputs": {"main": profile}}}),
        "macros/generate_schema_name.sql": _SCHEMA_MACRO,
        "macros/landed.sql": _LANDED_MACRO,
    }


def _environment(settings: Settings) -> None:
    telemetry_off()
    if settings.engine == "postgres":
        from urllib.parse import unquote, urlsplit

        from finance_sync.warehouse.engine import postgres_uri

        uri, server = postgres_uri(settings)
        _SERVERS.append(server)
        export({"FINANCE_SYNC_DBT_PASSWORD": unquote(urlsplit(uri).password or "")})


# Handles of embedded servers: the server stops when the last one is dropped.
_SERVERS: list[Any] = []


def _flags(prepared: Prepared) -> list[str]:
    folder = str(prepared.project_dir)
    return ["--project-dir", folder, "--profiles-dir", folder, "--log-path", str(prepared.project_dir / "logs"),
            "--no-use-colors", "--log-level",
        "none",
        "--log-level-file",
        "info", "--no-version-check"]  # fmt: skip


def _runner(manifest: Any, callbacks: Iterable[Callable[[Any], None]] = ()) -> Any:
    from dbt.cli.main import dbtRunner

    return dbtRunner(manifest=manifest, callbacks=list(callbacks))


def _link(link: Path, target: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_symlink():
        link.unlink()
    link.symlink_to(target, target_is_directory=True)


def _versions() -> str:
    from importlib.metadata import version

    return ",".join(
        f"{name}={version(name)}" for name in ("dbt-core", "dbt-duckdb", "dbt-postgres", "dbt-adapters")
    )
