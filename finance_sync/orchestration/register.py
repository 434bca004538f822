"""The step that takes a night's exceptions into the register.

It comes after the controls were judged and before publication. A run that is stopped by a blocking control takes in what it found
and closes nothing, since its figures are not to be relied on; a run that failed before has changed nothing.

Belongs here: which controls of a run were not judged, and telling Dagster. Does not: the register (exceptions).
"""

# No postponed annotations here: Dagster reads the type of `context`.
from collections.abc import Collection
from datetime import UTC, datetime

import dagster as dg

from finance_sync.catalog import controls
from finance_sync.errors import FinanceSyncError
from finance_sync.exceptions.rules import rules_of
from finance_sync.exceptions.sync import Synced, read_marts, sync
from finance_sync.operations import open_operations
from finance_sync.orchestration import facts
from finance_sync.orchestration.dbt_assets import layer_of, models
from finance_sync.orchestration.keys import REGISTER, model_key
from finance_sync.orchestration.lock import hold_home
from finance_sync.orchestration.record import read_run
from finance_sync.orchestration.site import Site
from finance_sync.warehouse.engine import open_warehouse


def register_asset(site: Site) -> dg.AssetsDefinition:
    """The register of exceptions, behind the marts and the gate."""
    marts = [model_key("marts", node["name"]) for node in models(site).values() if layer_of(node) == "marts"]
    spec = dg.AssetSpec(
        REGISTER,
        deps=marts,
        group_name="publication",
        owners=["team:controlling"],
        kinds={"postgres" if site.settings.operations_dsn else "sqlite"},
        description=(
            "Every exception once, through all runs: first and last seen, who has it, what was said, until when. "
            "A problem that is gone closes itself; one that returns reopens."
        ),
    )

    @dg.multi_asset(name=facts.REGISTER_STEP, specs=[spec])
    def run(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        hold_home(site.settings)
        site.progress("bringing the register up to date")
        summary = read_run(context.instance, context.run.run_id, site)
        unjudged = {line.control_id for line in summary.controls if line.outcome == "error"}
        done = take_in(site, context.run.run_id, unjudged=unjudged, closing=True)
        counts = {
            **dict.fromkeys(facts.REGISTER_COUNTS, 0), **done.counts,
            "live": done.live, "waiting": done.waiting, "overdue": done.overdue,
        }  # fmt: skip
        return dg.MaterializeResult(metadata={name: counts[name] for name in facts.REGISTER_COUNTS})

    return run


def take_in(site: Site, run_id: str, *, unjudged: Collection[str], closing: bool) -> Synced:
    """Take the exceptions of the marts, as they stand in the warehouse, into the register.

    Raises:
        OperationsError, WarehouseError: a database cannot be reached; the register is as it was.
    """
    warehouse = open_warehouse(site.settings)
    try:
        listed = read_marts(warehouse)
    finally:
        warehouse.close()
    now = datetime.now(tz=UTC)
    operations = open_operations(site.settings)
    if operations is None:  # cannot be: it is made when it is not there
        raise FinanceSyncError("there is no operations database")
    try:
        return sync(
            operations, listed, rules_of(site.settings, site.deployment, now), run_id=run_id,
            business_date=site.deployment.business_date(site.settings), now=now, whole=_whole(site), unjudged=unjudged,
            closing=closing,
        )  # fmt: skip
    finally:
        operations.close()


def take_in_stopped(site: Site, context: dg.AssetCheckExecutionContext) -> None:
    """The same for a run whose publication is stopped: nothing is closed. A failure is told and changes no verdict."""
    try:
        done = take_in(site, context.run.run_id, unjudged=(), closing=False)
    except FinanceSyncError as error:
        site.progress(f"the register could not be brought up to date: {error}")
        context.log.exception("the register could not be brought up to date")
    else:
        site.progress(f"the register has what was found ({done.live} exceptions); nothing was closed")


def _whole(site: Site) -> set[str]:
    """Controls whose model is made anew as a whole in every build, not by fiscal period."""
    names = {
        str(node["name"])
        for node in models(site).values()
        if node.get("config", {}).get("materialized") != "incremental"
    }
    return {control.id for control in controls().values() if control.model in names}
