"""Our event log writes what Dagster's own would, and Dagster's own reads it."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
from dagster._core.storage.event_log import SqliteEventLogStorage

from finance_sync.orchestration.event_log import PooledSqliteEventLog
from finance_sync.orchestration.instance import open_instance

from .world import World


def test_the_stock_storage_reads_the_same_run(world: World) -> None:
    world.failing = {"account"}
    run_id = world.run().run_id
    with open_instance(world.site.settings) as instance:
        assert isinstance(instance.event_log_storage, PooledSqliteEventLog)
        ours = list(instance.all_logs(run_id))
        partitions = instance.get_materialized_partitions(dg.AssetKey(["marts", "mart_budget_vs_actual"]))
    stock = SqliteEventLogStorage(str(world.site.settings.dagster_dir / "history" / "runs"))
    theirs = [record.event_log_entry for record in stock.get_records_for_run(run_id).records]

    assert theirs == ours
    assert {e.dagster_event.partition for e in theirs if e.dagster_event and e.dagster_event.partition} == partitions == {
        "months:2026-P01", "months:2026-P02", "months:2026-P03",
    }  # fmt: skip
    last = stock.get_asset_records([dg.AssetKey(["marts", "mart_budget_vs_actual"])])[0].asset_entry
    assert last.last_run_id == run_id
    assert last.last_materialization is not None
    assert last.last_materialization.dagster_event.partition in partitions


def test_no_more_files_stay_open_than_it_keeps(tmp_path: Path) -> None:
    log = PooledSqliteEventLog(str(tmp_path))
    for number in range(20):
        with log.run_connection(f"run{number}"):
            pass
    assert len(log._engines) == 8
    assert "run19" in log._engines
    log.dispose()
    assert not log._engines
