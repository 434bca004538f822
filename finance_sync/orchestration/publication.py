"""The end of a run: publish the marts for readers, then say how the run went.

Belongs here: the two last steps. Does not: how publishing works (warehouse.publish), what the report shows (reports) or the
summary says (summary).
"""

# No postponed annotations here: Dagster reads the type of `context`.
from collections.abc import Iterator
from typing import Any

import dagster as dg

from finance_sync.exceptions.published import register_relations
from finance_sync.orchestration import facts
from finance_sync.orchestration.dbt_assets import layer_of, models
from finance_sync.orchestration.keys import PUBLISHED, REGISTER, REPORT, model_key
from finance_sync.orchestration.lock import hold_home
from finance_sync.orchestration.record import read_run, with_report
from finance_sync.orchestration.site import Site
from finance_sync.orchestration.summary import as_markdown
from finance_sync.reports import write_report
from finance_sync.warehouse.publish import publish

_OWNER = ["team:data-engineering"]


def publish_asset(site: Site) -> dg.AssetsDefinition:
    """The published marts, behind every model that is published and the gate."""
    published = [
        model_key(layer_of(node), node["name"])
        for node in models(site).values()
        if layer_of(node) == "marts" or (node.get("config", {}).get("meta") or {}).get("publish")
    ]

    spec = dg.AssetSpec(
        PUBLISHED,
        deps=[*published, REGISTER],
        group_name="publication",
        owners=_OWNER,
        kinds={"parquet", site.settings.engine},
        description=(
            "What analysts read: the marts and the register as Parquet and as a read-only database, swapped in as a whole. "
            "A run that fails or is stopped by a blocking control leaves the last good version."
        ),
    )

    @dg.multi_asset(name=facts.PUBLISH_STEP, specs=[spec])
    def run(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        hold_home(site.settings)
        site.progress("publishing")
        done = publish(site.settings, site.deployment, site.prepared, register_relations(site.settings))
        context.log.info("version %s%s", done.version, " is what stood already" if done.unchanged else "")
        table = facts.table(("relation", "rows"), sorted(done.tables.items()))
        return dg.MaterializeResult(
            metadata={
                facts.STATE: "unchanged" if done.unchanged else "new version",
                facts.VERSION: done.version,
                facts.PATH: dg.MetadataValue.path(str(done.path)),
                facts.TABLES: table,
            }
        )

    return run


def report_asset(site: Site) -> dg.AssetsDefinition:
    """The run's own report; it fails when something technical failed, so that the run is red and alerts."""
    spec = dg.AssetSpec(
        REPORT,
        deps=[PUBLISHED],
        group_name="publication",
        owners=_OWNER,
        kinds={"html"},
        description=(
            "What the run did, and the report of the published marts as one HTML file, for controllers. Fails when something "
            "technical failed, after everything that could be done without it is done."
        ),
    )

    @dg.multi_asset(name=facts.REPORT_STEP, specs=[spec])
    def run(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        told = _write_report(context, site)
        summary = with_report(read_run(context.instance, context.run.run_id, site), facts.plain(told))
        yield dg.MaterializeResult(
            metadata={**told, facts.SUMMARY: dg.MetadataValue.md(as_markdown(summary))}
        )
        if summary.technical:
            raise dg.Failure(
                description="Technical failures; everything that could be done without them is done:\n"
                + "\n".join(f"- {item}" for item in summary.technical),
                allow_retries=False,
            )

    return run


def _write_report(context: dg.AssetExecutionContext, site: Site) -> dict[str, dg.MetadataValue[Any]]:
    """Write the report; a failure, even an unforeseen one, is told and takes nothing from the figures, which stand."""
    site.progress("writing the report")
    try:
        done = write_report(site.settings, site.deployment)
    except Exception as error:
        context.log.exception("the report could not be written")
        return {facts.REPORT_ERROR: dg.MetadataValue.text(f"{type(error).__name__}: {error}")}
    return {facts.REPORT_FILE: dg.MetadataValue.path(str(done.path))}
