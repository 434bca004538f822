"""The dbt package run as a project of its own, without any feed: the place where its unit tests run.

Belongs here: profile, empty tables beside the models, the two dbt calls. Does not: expectations (they stand beside the models).
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import yaml

from tests.unit.dbt.harness import PACKAGE, Engine, sources

VARIABLES = {"as_of": "2024-06-30", "group_currency": "EUR"}


class UnitProject:
    """A copy of the package with an empty warehouse.

    Args:
        folder: empty folder.
        kind: ``duckdb`` or ``postgres``.
        package: the package to copy; another one for the mutation check.
    """

    def __init__(self, folder: Path, kind: str = "duckdb", package: Path = PACKAGE) -> None:
        os.environ.setdefault("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
        os.environ.setdefault("DO_NOT_TRACK", "1")
        folder.mkdir(parents=True, exist_ok=True)
        self.engine = Engine(kind, folder)
        self.root = folder / "package"
        shutil.copytree(package, self.root, ignore=shutil.ignore_patterns("target", "logs", "dbt_packages"))
        project = yaml.safe_load((self.root / "dbt_project.yml").read_text())
        project["profile"] = "finance_sync"
        (self.root / "dbt_project.yml").write_text(yaml.safe_dump(project))
        macros = self.root / "macros" / "generate_schema_name.sql"
        macros.write_text(
            "{% macro generate_schema_name(custom_schema_name, node) -%}{{ custom_schema_name or target.schema }}{%- endmacro %}"
        )
        (self.root / "profiles.yml").write_text(
            yaml.safe_dump({"finance_sync": {"target": "main", "outputs": {"main": self.engine.profile()}}})
        )
        for schema in ("meta", "reference"):
            self.engine.execute(f"create schema if not exists {schema}")
        for (schema, table), columns in sources().items():
            body = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
            self.engine.execute(f"create table if not exists {schema}.{table} ({body})")

    def dbt(self, *arguments: str) -> list[Any]:
        from dbt.cli.main import dbtRunner

        flags = [
            "--project-dir",
            str(self.root),
            "--profiles-dir",
            str(self.root),
            "--quiet",
            "--no-version-check",
        ]
        outcome = dbtRunner().invoke([*arguments, *flags, "--vars", json.dumps(VARIABLES)])
        if self.engine.kind == "duckdb":
            from dbt.adapters.duckdb.connections import DuckDBConnectionManager

            DuckDBConnectionManager.close_all_connections()
        if outcome.result is None or not hasattr(outcome.result, "results"):
            raise AssertionError(f"dbt {arguments[0]}: {outcome.exception}")
        return list(outcome.result.results)

    def build_empty(self) -> None:
        """The models, without rows, so that unit tests know the types of their inputs."""
        wrong = [r for r in self.dbt("run") if str(r.status) != "success"]
        assert not wrong, "\n".join(f"{r.node.name}: {r.message}" for r in wrong)

    def unit_tests(self, *select: str) -> dict[str, tuple[str, str]]:
        """Unit test name -> (status, message)."""
        chosen = ["--select", *select] if select else ["--select", "test_type:unit"]
        return {r.node.name: (str(r.status), r.message or "") for r in self.dbt("test", *chosen)}
