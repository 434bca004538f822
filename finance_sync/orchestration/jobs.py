"""Jobs, the schedule, and the whole set of definitions.

Belongs here: putting steps together. Does not: steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dagster as dg
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from finance_sync.orchestration.bench import Bench
from finance_sync.orchestration.control_checks import GATE_MODEL, control_checks
from finance_sync.orchestration.dbt_assets import OPEN_PERIODS_TAG, dbt_assets, model_keys
from finance_sync.orchestration.inbox import inbox_sensor, workbooks_job
from finance_sync.orchestration.landing_assets import landing_assets
from finance_sync.orchestration.periods import asked_range, open_range, period_keys
from finance_sync.orchestration.publication import publish_asset, report_asset
from finance_sync.orchestration.register import register_asset
from finance_sync.orchestration.site import Site, load_site
from finance_sync.settings import Settings

NIGHTLY, LAND_ONLY = "nightly", "land_only"


def load_definitions(settings: Settings) -> dg.Definitions:
    """Definitions of the deployment that the settings name.

    Raises:
        DeploymentError, WarehouseError: see :func:`finance_sync.orchestration.site.load_site`.
    """
    return build_definitions(load_site(settings))


def build_definitions(site: Site, bench: Bench | None = None) -> dg.Definitions:
    """All assets, checks, jobs and the schedule of a site. Steps run in one process, one after the other.

    Args:
        site: deployment and data home.
        bench: judges; None is one that ends with this process.
    """
    bench = bench or Bench(site)
    nightly = dg.define_asset_job(
        NIGHTLY,
        selection=dg.AssetSelection.all(),
        description="Land every source, build, judge, publish, report. Asks for the fiscal periods that are open.",
        executor_def=dg.in_process_executor,
    )
    land_only = dg.define_asset_job(
        LAND_ONLY,
        selection=dg.AssetSelection.groups("landing"),
        description="Land every source and stop: nothing is built or published.",
        executor_def=dg.in_process_executor,
    )
    workbooks = workbooks_job(site)
    return dg.Definitions(
        assets=[
            *landing_assets(site),
            *dbt_assets(site, bench),
            register_asset(site),
            publish_asset(site),
            report_asset(site),
        ],
        asset_checks=[control_checks(site, bench)],
        jobs=[nightly, land_only, workbooks],
        schedules=[_schedule(site, nightly)],
        sensors=[inbox_sensor(site, workbooks)],
        executor=dg.in_process_executor,
    )


def nightly_tags(
    site: Site, instance: dg.DagsterInstance, periods: Sequence[str] | None = None
) -> Mapping[str, str]:
    """Tags of a nightly run: the range of periods that it is for.

    Args:
        site: the deployment.
        instance: knows whether there was a night before; the first one builds every period.
        periods: fiscal_period_ids to rebuild; None takes the open ones, whichever they are when the run gets there.

    Raises:
        DeploymentError: see :func:`finance_sync.orchestration.periods.asked_range`.
    """
    if periods is not None:
        first, last = asked_range(site.deployment, periods)
        return {ASSET_PARTITION_RANGE_START_TAG: first, ASSET_PARTITION_RANGE_END_TAG: last}
    first, last = open_range(site.deployment)
    if instance.get_latest_materialization_event(model_keys(site)[GATE_MODEL]) is None:
        first = period_keys(site.deployment)[0]
    return {
        ASSET_PARTITION_RANGE_START_TAG: first,
        ASSET_PARTITION_RANGE_END_TAG: last,
        OPEN_PERIODS_TAG: "yes",
    }


def _schedule(site: Site, job: dg.UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    def run_request(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(tags=dict(nightly_tags(site, context.instance)))

    return dg.ScheduleDefinition(
        name=NIGHTLY,
        job=job,
        cron_schedule=site.settings.nightly_cron,
        execution_timezone=site.settings.nightly_zone,
        execution_fn=run_request,
        description="The night. Set the time with FINANCE_SYNC_NIGHTLY_CRON and FINANCE_SYNC_NIGHTLY_ZONE.",
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )
