"""Landing as assets: one step per source system, threads inside.

An object that fails does not stop the others, nor what comes after: the step goes on, the object's check
``landed`` fails with the message and what to do, no materialization is recorded (so its freshness runs out),
and the run's report fails at the end.

Belongs here: the steps and what they tell Dagster. Does not: landing itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION

from finance_sync.catalog import System
from finance_sync.landing import land_system
from finance_sync.orchestration import facts
from finance_sync.orchestration.control_checks import Bench
from finance_sync.orchestration.keys import landing_key
from finance_sync.orchestration.site import Site

_UNITS = {"minute": 60, "hour": 3600, "day": 86400}


def landing_assets(site: Site, bench: Bench) -> list[dg.AssetsDefinition]:
    """One multi-asset per source system."""
    return [_step(site, bench, system) for system in site.deployment.systems.values()]


def _step(site: Site, bench: Bench, system: System) -> dg.AssetsDefinition:
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
        bench.start()
        wanted = [
            name for name in system.objects if landing_key(system.system, name) in context.selected_asset_keys
        ]
        site.progress(f"landing {system.system} ({len(wanted)} objects)")
        results = land_system(
            site.settings, site.deployment, system.system, objects=wanted, correlation_id=context.run.run_id
        )
        for result in results:
            key = landing_key(system.system, result.object)
            if result.error:
                site.progress(f"{system.system}.{result.object} failed: {result.error}")
                context.log.error("%s.%s failed: %s", system.system, result.object, result.error)
                yield _not_landed(context, key)
            else:
                yield dg.MaterializeResult(asset_key=key, metadata=_metadata(site, result))
            yield _check(key, result)

    return run


def _not_landed(context: dg.AssetExecutionContext, key: dg.AssetKey) -> dg.Output[None]:
    """Lets the steps behind go on without recording a materialization that did not happen.

    Dagster skips what depends on an output that is not given. This is its own marker for an output whose
    asset was only looked at.
    """
    name = context.assets_def.get_output_name_for_asset_key(key)
    return dg.Output(None, output_name=name, metadata={SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True})
