"""Dagster keeps its runs and events in Postgres when told to."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from finance_sync.orchestration.instance import POSTGRES_VARIABLE, open_instance
from finance_sync.settings import load_settings
from finance_sync.warehouse.engine import postgres_uri

PERIODS = dg.StaticPartitionsDefinition(["p1", "p2"])


@dg.asset(partitions_def=PERIODS, backfill_policy=dg.BackfillPolicy.single_run())
def mart() -> None: ...


@pytest.mark.postgres
def test_a_run_over_a_range_is_recorded_in_postgres(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(POSTGRES_VARIABLE, "")
    uri, _server = postgres_uri(load_settings(home=tmp_path, engine="postgres"))
    settings = load_settings(home=tmp_path, dagster_dsn=uri)
    tags = {"dagster/asset_partition_range_start": "p1", "dagster/asset_partition_range_end": "p2"}
    with open_instance(settings) as instance:
        assert type(instance.event_log_storage).__name__ == "PostgresEventLogStorage"
        job = dg.Definitions(assets=[mart], jobs=[dg.define_asset_job("night", "*")]).resolve_job_def("night")
        done = job.execute_in_process(instance=instance, tags=tags)
    with open_instance(settings) as instance:
        run = instance.get_run_by_id(done.run_id)
        assert run is not None
        assert run.status == dg.DagsterRunStatus.SUCCESS
        assert instance.get_materialized_partitions(dg.AssetKey("mart")) == {"p1", "p2"}
    assert not (settings.dagster_dir / "history").exists()
