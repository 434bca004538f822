"""The one settings object. Every environment value is read here and nowhere else.

Belongs here: where things live, which engine, limits. Does not: what is synced (catalog) or how (extract).
"""

from __future__ import annotations

import getpass
import os
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from finance_sync.errors import DeploymentError

PROJECT_ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Validated settings, read from ``FINANCE_SYNC_*`` environment variables; arguments win over them."""

    model_config = SettingsConfigDict(env_prefix="FINANCE_SYNC_", extra="forbid", frozen=True)

    deployment: Path = Field(default=PROJECT_ROOT / "data" / "demo", description="Folder of the deployment.")
    home: Path = Field(
        default=Path(".finance_sync"), description="Data home: landing, warehouse, published marts, logs."
    )
    engine: Literal["duckdb", "postgres"] = Field(default="duckdb", description="Warehouse engine.")
    postgres_dsn: SecretStr | None = Field(
        default=None,
        description="postgresql://... of the warehouse; empty starts an embedded server in the data home.",
    )
    operations_dsn: SecretStr | None = Field(
        default=None,
        description="SQLAlchemy URL of the operations database; empty is SQLite in the data home.",
    )
    actor: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="Who works on exceptions, as the history names them; empty is the user of the operating system.",
    )
    dagster_dsn: SecretStr | None = Field(
        default=None,
        description="postgresql://... of Dagster's own runs and events; empty is SQLite in the data home.",
    )
    number_format: Literal["en", "de", "fr", "ch"] = Field(
        default="en",
        description="How the report writes numbers: en 1,234.56, de 1.234,56, fr (narrow space), ch (apostrophe).",
    )
    nightly_cron: str = Field(default="0 2 * * *", description="When the nightly schedule starts.")
    nightly_zone: str = Field(default="UTC", description="IANA time zone of nightly_cron.")
    as_of: date | None = Field(
        default=None, description="Business date of the run; empty asks the deployment's clock, then today."
    )
    threads: int = Field(
        default=os.cpu_count() or 2, ge=1, le=64, description="Threads of the warehouse and of extraction."
    )
    memory_limit: str = Field(
        default="6GB", pattern=r"^\d+(MB|GB)$", description="Memory limit of the embedded warehouse."
    )
    allow_empty: bool = Field(
        default=False,
        description="An empty source may delete everything it had. For one run, when that is meant.",
    )
    sources: dict[str, str] = Field(
        default_factory=dict,
        description="Values for ${NAME} placeholders in systems/*.yaml, beside the environment.",
    )

    def resolved(self) -> Settings:
        """The same settings with absolute paths."""
        return self.model_copy(update={"deployment": self.deployment.resolve(), "home": self.home.resolve()})

    @property
    def actor_name(self) -> str:
        """Who acts: the setting, else the user of the operating system."""
        return self.actor or getpass.getuser()

    @property
    def landing(self) -> str:
        """URL (fsspec) or path of the batch log."""
        return str(self.home / "landing")

    @property
    def inbox(self) -> Path:
        """Folder in which people put filled workbooks."""
        return self.home / "inbox"

    @property
    def warehouse_path(self) -> Path:
        """File of the embedded warehouse."""
        return self.home / "warehouse" / "warehouse.duckdb"

    @property
    def publish_dir(self) -> Path:
        """Folder of the published marts; ``current`` in it points at the last good version."""
        return self.home / "publish"

    @property
    def reports_dir(self) -> Path:
        """Folder of the HTML reports."""
        return self.home / "reports"

    @property
    def dbt_dir(self) -> Path:
        """Folder of the generated dbt root project and its target."""
        return self.home / "dbt"

    @property
    def dagster_dir(self) -> Path:
        """DAGSTER_HOME."""
        return self.home / "dagster"

    @property
    def dbt_package(self) -> Path:
        """The product's dbt project."""
        return PROJECT_ROOT / "dbt_project"

    @property
    def expectations_dir(self) -> Path:
        """The Great Expectations suites."""
        return PROJECT_ROOT / "expectations"


def load_settings(**overrides: Any) -> Settings:
    """Read the settings from the environment.

    Args:
        overrides: field values that win over the environment; None means not given.

    Returns:
        Settings with absolute paths.

    Raises:
        DeploymentError: a value is not valid; names the variable, the value and what is allowed.
    """
    try:
        return Settings(**{k: v for k, v in overrides.items() if v is not None}).resolved()
    except ValidationError as error:
        first = error.errors()[0]
        name = "FINANCE_SYNC_" + "_".join(str(part) for part in first["loc"]).upper()
        raise DeploymentError(
            f"setting {name}: {first['msg']} (found {first.get('input')!r})",
            remedy="correct the environment variable",
        ) from error


def environment_value(settings: Settings, name: str) -> str | None:
    """Value of a ``${NAME}`` placeholder: the settings' own ``sources`` first, then the environment."""
    return settings.sources.get(name, os.environ.get(name))


def export(values: dict[str, str], *, keep: bool = False) -> None:
    """Pass values on to the libraries that can only be told by environment variables.

    Args:
        values: variable -> value.
        keep: leave a variable that is set already as it is.
    """
    for name, value in values.items():
        if not (keep and name in os.environ):
            os.environ[name] = value


def telemetry_off() -> None:
    """Finance data stays here: no library reports home unless the environment asks for it. Before imports."""
    export(
        {
            "DO_NOT_TRACK": "1",
            "DAGSTER_DISABLE_TELEMETRY": "yes",
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "GX_ANALYTICS_ENABLED": "false",
            "RUNTIME__DLTHUB_TELEMETRY": "false",
        },
        keep=True,
    )
