"""Landing as assets: one step per source system, threads inside.

An object that fails does not stop the others, nor what comes after: the step goes on, the object's check
``landed`` fails with the message and what to do, no materialization is recorded (so its freshness runs out),
and the run's report fails at the end.

Belongs here: the steps and what they tell Dagster. Does not: landing itself.
"""

# No postponed annotations here: Dagster reads the type of `context`.
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
from dagster._core.definitions.metadata import TableMetadataSet
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION

from finance_sync.catalog import System
from finance_sync.catalog.models import FileRead, SourceObject
from finance_sync.landing import Batch, LandingResult, land_system
from finance_sync.orchestration import facts
from finance_sync.orchestration.keys import landing_key
from finance_sync.orchestration.lock import hold_home
from finance_sync.orchestration.site import Site

_UNITS = {"minute": 60, "hour": 3600, "day": 86400}
_SAMPLE_ROWS = 10


def landing_assets(site: Site) -> list[dg.AssetsDefinition]:
    """One multi-asset per source system."""
    return [_step(site, system) for system in site.deployment.systems.values()]


def _step(site: Site, system: System) -> dg.AssetsDefinition:
    specs = [_spec(system, name, spec) for name, spec in system.objects.items()]
    step = f"{facts.LAND_STEP}{system.system}"

    @dg.multi_asset(
        name=step,
        description=f"{system.title}: pull what is new and append it to the batch log.",
        specs=specs,
        check_specs=[
            dg.AssetCheckSpec(
                facts.LANDED_CHECK, asset=spec.key, description="The source was read and its batch is whole."
            )
            for spec in specs
        ],
        can_subset=True,
    )
    def run(context: dg.AssetExecutionContext) -> Iterator[Any]:
        hold_home(site.settings)
        wanted = [
            name for name in system.objects if landing_key(system.system, name) in context.selected_asset_keys
        ]
        site.progress(f"landing {system.system} ({len(wanted)} objects)")
        results = land_system(
            site.settings,
            site.deployment,
            system.system,
            wanted,
            correlation_id=context.run.run_id,
            on_progress=lambda result: site.progress(_progress(result)),
        )
        for result in results:
            key = landing_key(system.system, result.object)
            if result.status == "failed":
                context.log.error("%s", result.error)
                yield _not_landed(context, key)
            else:
                yield dg.MaterializeResult(asset_key=key, metadata=_metadata(result))
            yield _check(key, result)

    return run


def _not_landed(context: dg.AssetExecutionContext, key: dg.AssetKey) -> dg.Output[None]:
    """Lets the steps behind go on without recording a materialization that did not happen.

    Dagster skips what depends on an output that is not given. This is its own marker for an output whose
    asset was only looked at.
    """
    name = context.assets_def.get_output_name_for_asset_key(key)
    return dg.Output(None, output_name=name, metadata={SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True})


def _progress(result: LandingResult) -> str:
    name = f"  {result.system}.{result.object}"
    if result.status == "failed":
        return f"{name} failed: {result.error}"
    if result.batch is None:
        return f"{name}: nothing new"
    batch = result.batch
    rejected = f", {batch.rows_rejected:,} rejected" if batch.rows_rejected else ""
    return f"{name}: {batch.rows_accepted:,} rows{rejected}"


def _metadata(result: LandingResult) -> Mapping[str, Any]:
    batch, check = result.batch, result.check
    metadata: dict[str, Any] = {
        facts.STATE: result.status,
        facts.DATA_AS_OF: check.data_as_of.isoformat() if check is not None and check.data_as_of else None,
        facts.SECONDS: round(result.seconds, 3),
    }
    if batch is not None:
        metadata |= {
            facts.ROWS: batch.rows_accepted,
            facts.REJECTED: batch.rows_rejected,
            facts.UNCHANGED: batch.rows_unchanged,
            facts.DELETED: batch.rows_deleted or None,
            facts.BATCH: batch.batch_id,
            facts.WATERMARK: batch.window_to,
            facts.NEW_COLUMNS: ", ".join(batch.new_columns),
        }
        if batch.rows_rejected:
            metadata[facts.REJECTS] = _rejects(batch)
    return facts.compact(metadata)


def _check(key: dg.AssetKey, result: LandingResult) -> dg.AssetCheckResult:
    if result.status == "failed":
        metadata = facts.compact({facts.ERROR: result.error, facts.REMEDY: result.remedy})
        return dg.AssetCheckResult(
            asset_key=key,
            check_name=facts.LANDED_CHECK,
            passed=False,
            description=result.error,
            metadata=metadata,
        )
    return dg.AssetCheckResult(asset_key=key, check_name=facts.LANDED_CHECK, passed=True)


def _rejects(batch: Batch) -> dg.MarkdownMetadataValue:
    """Some of the rejected records with field, value and reason."""
    columns = ["record_key", "field", "value", "reject_reason", "message"]
    rows = pq.read_table(batch.rejected_path, columns=columns).slice(0, _SAMPLE_ROWS).to_pylist()
    return facts.table(columns, [[row[column] for column in columns] for row in rows])


def _spec(system: System, name: str, spec: SourceObject) -> dg.AssetSpec:
    schema = dg.TableSchema(
        columns=[
            dg.TableColumn(field, part.type, part.note, dg.TableColumnConstraints(nullable=not part.required))
            for field, part in spec.fields.items()
        ]
    )
    number, unit = spec.latency_target.split()
    return dg.AssetSpec(
        landing_key(system.system, name),
        description=f"{spec.title or name}, from {system.title}. Key: {', '.join(spec.key)}.",
        group_name="landing",
        owners=[f"team:{spec.owner or system.owner}"],
        kinds={"parquet", _format(spec)},
        tags={"system": system.system, "delta": spec.delta.mode},
        metadata={**TableMetadataSet(column_schema=schema), "latency target": spec.latency_target},
        freshness_policy=dg.FreshnessPolicy.time_window(
            fail_window=timedelta(seconds=max(60, int(number) * _UNITS[unit.rstrip("s")]))
        ),
    )


def _format(spec: SourceObject) -> str:
    if isinstance(spec.read, FileRead):
        return {"fixed": "text", "xlsx": "excel"}.get(spec.read.format, spec.read.format)
    return "sql"
