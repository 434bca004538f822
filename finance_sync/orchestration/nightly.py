"""A night as one call: the job that the schedule starts, in this process, recorded for the UI.

Belongs here: running the job and its progress. Does not: the job (jobs), the summary's look (summary).
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import dagster as dg

from finance_sync.errors import DeploymentError
from finance_sync.orchestration.bench import Bench
from finance_sync.orchestration.instance import close_dead_runs, open_instance
from finance_sync.orchestration.jobs import NIGHTLY, build_definitions, nightly_tags
from finance_sync.orchestration.keys import object_of
from finance_sync.orchestration.lock import home_lock
from finance_sync.orchestration.record import read_run
from finance_sync.orchestration.site import Site, load_site, silent
from finance_sync.orchestration.summary import RunSummary
from finance_sync.settings import Settings

# The console belongs to the progress and the summary; Dagster's own log is in the UI.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def run_nightly(
    settings: Settings,
    *,
    systems: Sequence[str] | None = None,
    periods: Sequence[str] | None = None,
    progress: Callable[[str], None] | None = None,
    started: float | None = None,
) -> RunSummary:
    """Land, build, judge, publish and report.

    Args:
        settings: deployment, data home, engine.
        systems: source systems to land; None lands all. What others landed before is built with it.
        periods: fiscal_period_ids to rebuild (following each other); None takes every open one.
        progress: told in short sentences what is being done.
        started: ``time.perf_counter()`` when the caller began, so that imports are counted; None is now.

    Returns:
        What was done; its ``exit_code`` is 0, 2 (technical failures) or 3 (publication stopped by a control).

    Raises:
        DeploymentError: the deployment, a system or a period is not valid; nothing was run.
        WarehouseError: another run is at work on this data home, or dbt cannot parse the models; nothing was
            run.
    """
    started = time.perf_counter() if started is None else started
    with home_lock(settings), ExitStack() as cleanup:
        site = load_site(settings, progress or silent)
        selection = _selection(site, systems)
        logging.getLogger("dagster").setLevel(logging.CRITICAL)
        with open_instance(settings) as instance:
            tags = nightly_tags(site, instance, periods)
            for dead in close_dead_runs(instance):
                site.progress(f"run {dead[:8]} ended without a word; this run does its work")
            bench = Bench(site)
            cleanup.callback(bench.close)
            job = build_definitions(site, bench).resolve_job_def(NIGHTLY)
            prepared = time.perf_counter()
            result = job.execute_in_process(
                instance=instance,
                tags=dict(tags),
                raise_on_error=False,
                run_config=_QUIET,
                asset_selection=selection,
            )
            summary = read_run(instance, result.run_id, site)
    phases = {"start": prepared - started, **summary.seconds}
    total = time.perf_counter() - started
    phases["Dagster's records"] = max(0.0, total - sum(phases.values()))
    return dataclasses.replace(summary, seconds={**phases, "total": total})


def _selection(site: Site, systems: Sequence[str] | None) -> list[dg.AssetKey] | None:
    """Asset keys of a run for some systems only; None is everything."""
    if systems is None:
        return None
    unknown = sorted(set(systems) - set(site.deployment.systems))
    if unknown:
        raise DeploymentError(
            f"system {unknown[0]!r} is not in deployment {site.deployment.name!r}",
            remedy=f"it has {', '.join(sorted(site.deployment.systems))}",
        )
    graph = build_definitions(site).resolve_asset_graph()
    keys = [key for key in graph.get_all_asset_keys() if graph.get(key).is_executable]
    return [key for key in keys if (place := object_of(key)) is None or place[0] in systems]
