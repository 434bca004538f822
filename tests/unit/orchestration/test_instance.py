"""Where Dagster keeps its records, and what it is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from finance_sync.errors import DeploymentError
from finance_sync.orchestration.instance import (
    POSTGRES_VARIABLE,
    dagster_yaml,
    open_instance,
    settings_environment,
    write_home,
)
from finance_sync.orchestration.ui import ui_command
from finance_sync.settings import Settings, load_settings


def test_telemetry_is_off_and_one_run_works_at_a_time(tmp_path: Path) -> None:
    with open_instance(load_settings(home=tmp_path)) as instance:
        assert not instance.telemetry_enabled
        assert instance.run_monitoring_enabled
        assert instance.get_settings("concurrency")["runs"]["max_concurrent_runs"] == 1
        assert instance.freshness_enabled


def test_postgres_is_named_with_its_driver_and_the_password_stays_out_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(POSTGRES_VARIABLE, "")
    settings = load_settings(home=tmp_path, dagster_dsn="postgresql://me:secret@db:5432/dagster")
    home = write_home(settings)
    assert os.environ[POSTGRES_VARIABLE] == "postgresql+psycopg2://me:secret@db:5432/dagster"
    text = (home / "dagster.yaml").read_text()
    assert "secret" not in text
    assert yaml.safe_load(text)["storage"] == {"postgres": {"postgres_url": {"env": POSTGRES_VARIABLE}}}

    with pytest.raises(DeploymentError, match="'mysql' is no Postgres URL"):
        write_home(load_settings(home=tmp_path, dagster_dsn="mysql://me@db/x"))


def test_processes_that_dagster_starts_get_the_same_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(
        home=tmp_path,
        as_of="2026-03-15",
        sources={"A": "b"},
        postgres_dsn="postgresql://u:p@h/d",
        nightly_cron="5 1 * * *",
    )
    for name, value in settings_environment(settings).items():
        monkeypatch.setenv(name, value)
    assert Settings() == settings


def test_read_only_shows_and_cannot_launch() -> None:
    assert "--read-only" in ui_command(port=1, read_only=True)
    assert "dagster_webserver" in ui_command(port=1, read_only=True)
    full = ui_command(port=1, read_only=False)
    assert "--read-only" not in full
    assert full[2:4] == ["dagster", "dev"]
    for command in (full, ui_command(port=1, read_only=True)):
        assert command[command.index("-h") + 1] == "127.0.0.1"


def test_output_is_kept_for_runs_of_the_ui_only(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    assert yaml.safe_load(dagster_yaml(settings))["compute_logs"]["class"] == "LocalComputeLogManager"
    terminal = yaml.safe_load(dagster_yaml(settings, capture_output=False))
    assert terminal["compute_logs"]["class"] == "NoOpComputeLogManager"
