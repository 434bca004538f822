"""The asset graph is complete and says what it must."""

from __future__ import annotations

import dagster as dg
import pyarrow as pa

from finance_sync.orchestration.instance import open_instance
from finance_sync.orchestration.jobs import NIGHTLY, build_definitions
from finance_sync.orchestration.keys import PUBLISHED, REGISTER, REPORT, landing_key, model_key

from .world import PACKAGE, STAGING, World


def _keys(world: World) -> set[dg.AssetKey]:
    site = world.site
    landed = {landing_key(s.system, name) for s in site.deployment.systems.values() for name in s.objects}
    models = {model_key("staging", name) for name in STAGING} | {
        model_key(layer, name) for name, (layer, _) in PACKAGE.items()
    }
    return landed | models | {PUBLISHED, REGISTER, REPORT}


def test_every_object_and_model_is_an_asset_and_nothing_else(world: World) -> None:
    graph = build_definitions(world.site).resolve_asset_graph()
    assert set(graph.get_all_asset_keys()) == _keys(world)


def test_lineage_runs_from_landing_to_publication(world: World) -> None:
    graph = build_definitions(world.site).resolve_asset_graph()
    parents = {key: graph.get(key).parent_keys for key in graph.get_all_asset_keys()}
    assert parents[model_key("staging", "stg_erp__gl_line")] == {landing_key("erp", "gl_line")}
    assert parents[model_key("canonical", "fct_journal_line")] == {
        model_key("staging", "stg_erp__gl_line"), model_key("canonical", "dim_account"),
    }  # fmt: skip
    assert parents[model_key("canonical", "fct_budget_line")] == {
        model_key("staging", "stg_plan__budget"),
        model_key("canonical", "dim_account"),
    }
    # Completeness is about everything that landed, though dbt reads it from a table beside its models.
    assert parents[model_key("reconciled", "rec_c01")] == {
        landing_key("erp", "account"), landing_key("erp", "cost_center"), landing_key("erp", "gl_line"), landing_key("plan", "budget"),
    }  # fmt: skip
    marts = {model_key("marts", "mart_control_results"), model_key("marts", "mart_budget_vs_actual")}
    assert parents[REGISTER] == marts
    assert parents[PUBLISHED] == {*marts, REGISTER}
    assert parents[REPORT] == {PUBLISHED}


def test_assets_say_group_owner_kind_columns_and_freshness(world: World) -> None:
    graph = build_definitions(world.site).resolve_asset_graph()
    landed = graph.get(landing_key("erp", "gl_line"))
    assert (landed.group_name, landed.owners, landed.kinds) == (
        "landing",
        ["team:general-ledger"],
        {"parquet", "csv"},
    )
    assert landed.freshness_policy is not None
    columns = {column.name: column for column in landed.metadata["dagster/column_schema"].columns}
    assert columns["amount"].type == "amount"
    assert not columns["amount"].constraints.nullable
    assert columns["center"].constraints.nullable

    control = graph.get(model_key("reconciled", "rec_c02"))
    assert (control.group_name, control.owners) == ("reconciled", ["team:general-ledger"])
    assert control.kinds == {"dbt", "duckdb", "table"}
    assert control.description == "About rec_c02."
    assert [column.name for column in control.metadata["dagster/column_schema"].columns] == ["a"]
    assert graph.get(model_key("staging", "stg_plan__budget")).owners == ["team:budget-office"]


def test_reconciled_models_and_marts_alone_are_partitioned_by_fiscal_period(world: World) -> None:
    graph = build_definitions(world.site).resolve_asset_graph()
    partitioned = {key for key in graph.get_all_asset_keys() if graph.get(key).partitions_def is not None}
    assert partitioned == {
        model_key(layer, name) for name, (layer, _) in PACKAGE.items() if layer in {"reconciled", "marts"}
    }
    for key in partitioned:
        assert graph.get(key).partitions_def.get_partition_keys() == [
            "months:2026-P01",
            "months:2026-P02",
            "months:2026-P03",
        ]
        assert graph.get(key).backfill_policy == dg.BackfillPolicy.single_run()


def test_a_night_has_few_steps_and_one_blocking_check(world: World) -> None:
    definitions = build_definitions(world.site)
    steps = [node.name for node in definitions.resolve_job_def(NIGHTLY).nodes]
    assert sorted(steps) == [
        "build_canonical", "build_reconciled", "judge_controls", "land_erp", "land_plan", "publish_marts",
        "report_run", "sync_register",
    ]  # fmt: skip
    graph = definitions.resolve_asset_graph()
    blocking = [key for key in graph.asset_check_keys if graph.get(key).blocking]
    assert blocking == [dg.AssetCheckKey(model_key("marts", "mart_control_results"), "publication_gate")]


def test_every_check_of_a_model_is_declared(world: World) -> None:
    graph = build_definitions(world.site).resolve_asset_graph()
    names = {key.name for key in graph.get_check_keys_for_assets({model_key("reconciled", "rec_c02")})}
    assert "c02_ledger_balance" in names


def _asked(world: World) -> tuple[str, str]:
    schedule = build_definitions(world.site).resolve_schedule_def(NIGHTLY)
    with open_instance(world.site.settings) as instance:
        request = schedule.evaluate_tick(dg.build_schedule_context(instance)).run_requests[0]
    return request.tags["dagster/asset_partition_range_start"], request.tags[
        "dagster/asset_partition_range_end"
    ]


def test_the_schedule_asks_for_all_periods_once_and_then_for_the_open_ones(world: World) -> None:
    schedule = build_definitions(world.site).resolve_schedule_def(NIGHTLY)
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 2 * * *", "UTC")
    reference = world.site.deployment.reference
    closed = {
        "legal_entity_id": "T1",
        "fiscal_year": 2026,
        "period_no": 1,
        "status": "certified",
        "reason": "r",
        "owner": "o",
    }
    reference["period_status"] = pa.Table.from_pylist([closed], schema=reference["period_status"].schema)
    assert _asked(world) == ("months:2026-P01", "months:2026-P03")
    world.run()
    assert _asked(world) == ("months:2026-P02", "months:2026-P03")
