"""Dagster's instance in the data home: dagster.yaml, its storage, and runs that a killed process left behind.

Belongs here: where Dagster keeps runs and events, and how it is configured. Does not: what runs (jobs), the
UI (ui).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import dagster as dg
import yaml
from pydantic import SecretStr

from finance_sync.errors import DeploymentError
from finance_sync.settings import Settings, export

# Read by Dagster itself when it opens the instance, so that the password stays out of the file.
POSTGRES_VARIABLE = "FINANCE_SYNC_DAGSTER_POSTGRES_URL"
_IN_TERMINAL = "dagster-terminal.yaml"
# Events of a range of partitions are handed to the storage together.
_BATCH = {"DAGSTER_EVENT_BATCH_SIZE": "1000"}


def dagster_yaml(settings: Settings, *, capture_output: bool = True) -> str:
    """Text of dagster.yaml: SQLite in the data home, or Postgres when ``dagster_dsn`` is set.

    Args:
        settings: the data home.
        capture_output: keep what steps print. Dagster does that with four processes beside the run and passes
            the
            text on a second late; a night in a terminal prints its own progress and does without.

    Telemetry is off. One run at a time: the embedded warehouse takes one writer. Run monitoring frees what a
    run that was cancelled or died holds.
    """
    home = settings.dagster_dir
    config: dict[str, Any] = {
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},
        "concurrency": {"runs": {"max_concurrent_runs": 1}},
        "run_monitoring": {
            "enabled": True,
            "start_timeout_seconds": 300,
            "cancel_timeout_seconds": 120,
            "free_slots_after_run_end_seconds": 300,
        },
        "freshness": {"enabled": True},
        "retention": {
            "schedule": {"purge_after_days": 365},
            "sensor": {"purge_after_days": {"skipped": 7, "failure": 90, "success": 90}},
        },
        "local_artifact_storage": _configured(
            "dagster._core.storage.root", "LocalArtifactStorage", str(home)
        ),
        "compute_logs": _configured(
            "dagster._core.storage.local_compute_log_manager", "LocalComputeLogManager", str(home / "logs")
        )
        if capture_output
        else {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"},
        "code_servers": {"local_startup_timeout": 180},
    }
    if settings.dagster_dsn is not None:
        config["storage"] = {"postgres": {"postgres_url": {"env": POSTGRES_VARIABLE}}}
    else:
        history = str(home / "history")
        config |= {
            "run_storage": _configured("dagster._core.storage.runs", "SqliteRunStorage", history),
            "event_log_storage": _configured(
                "finance_sync.orchestration.event_log", "PooledSqliteEventLog", f"{history}/runs"
            ),
            "schedule_storage": _configured(
                "dagster._core.storage.schedules", "SqliteScheduleStorage", str(home / "schedules")
            ),
        }
    head = "# Written by finance-sync from its settings on every start; change the settings, not this file.\n"
    return head + yaml.safe_dump(config, sort_keys=False)


def postgres_url(dsn: SecretStr) -> str:
    """URL for dagster-postgres, with the driver named.

    Without it SQLAlchemy 2.1 picks a driver that Dagster cannot use.

    Raises:
        DeploymentError: the DSN is not of Postgres.
    """
    parts = urlsplit(dsn.get_secret_value())
    if parts.scheme.partition("+")[0] not in {"postgresql", "postgres"}:
        raise DeploymentError(
            f"setting FINANCE_SYNC_DAGSTER_DSN: {parts.scheme!r} is no Postgres URL",
            remedy="write postgresql://user:password@host:5432/database, or leave it empty for SQLite",
        )
    return urlunsplit(parts._replace(scheme="postgresql+psycopg2"))


def write_home(settings: Settings) -> Path:
    """Write dagster.yaml into the data home and set what Dagster reads from the environment.

    Returns:
        DAGSTER_HOME.

    Raises:
        DeploymentError: see :func:`postgres_url`.
    """
    home = settings.dagster_dir
    home.mkdir(parents=True, exist_ok=True)
    for name, text in {
        "dagster.yaml": dagster_yaml(settings),
        _IN_TERMINAL: dagster_yaml(settings, capture_output=False),
    }.items():
        path = home / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
    values = {"DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "1", **_BATCH}
    if settings.dagster_dsn is not None:
        values[POSTGRES_VARIABLE] = postgres_url(settings.dagster_dsn)
    export(values)
    return home


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The instance of the data home for a run in a terminal, closed at the end."""
    home = write_home(settings)
    with dg.DagsterInstance.from_config(str(home), _IN_TERMINAL) as instance:
        yield instance


def settings_environment(settings: Settings) -> dict[str, str]:
    """The settings as environment variables, for processes that Dagster starts (code server, runs)."""
    values: dict[str, str] = {}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if value is None:
            continue
        if isinstance(value, SecretStr):
            text = value.get_secret_value()
        else:
            text = json.dumps(value) if isinstance(value, dict) else str(value)
        values[f"FINANCE_SYNC_{name.upper()}"] = text
    return values


def close_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs as failed whose process is gone: killed, or the machine went down.

    Call it only while holding the data home's lock: then no run of this home can be alive.

    Returns:
        Ids of the runs that were marked.
    """
    alive = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.CANCELING]
    runs = instance.get_runs(filters=dg.RunsFilter(statuses=alive))
    for run in runs:
        instance.report_run_failed(
            run,
            "The process of this run ended without a word (killed, or the machine went down). The next run does its work.",
        )
    return [run.run_id for run in runs]


def _configured(module: str, name: str, folder: str) -> dict[str, Any]:
    return {"module": module, "class": name, "config": {"base_dir": folder}}
