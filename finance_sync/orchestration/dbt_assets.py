"""The dbt project as assets: one step for staging and canonical, one for reconciled models and marts.

dbt runs once per step, in this process (warehouse.build); Dagster is told of every model. What an asset is
called, who owns it and what its columns are comes from the manifest and the catalog.

Belongs here: the translation of dbt nodes to assets, and the two build steps. Does not: how a build works
(warehouse).
"""

# No postponed annotations here: Dagster reads the type of `context`.
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject

from finance_sync.catalog import Deployment, controls
from finance_sync.orchestration import facts
from finance_sync.orchestration.bench import Bench
from finance_sync.orchestration.keys import landing_key, model_key
from finance_sync.orchestration.lock import hold_home
from finance_sync.orchestration.periods import period_partitions
from finance_sync.orchestration.site import Site
from finance_sync.warehouse.build import BuildResult, build
from finance_sync.warehouse.project import ModelResult

STEPS = {"canonical": ("staging", "canonical"), "reconciled": ("reconciled", "marts")}
# Tag of a run that takes the open periods, whichever they are, instead of the partitions it names.
OPEN_PERIODS_TAG = "finance_sync/open_periods"

_LANDED = re.compile(r"landed\(\s*['\"](\w+)['\"]\s*,\s*['\"](\w+)['\"]")
# Tables beside dbt's that hold what landed; the other meta and reference tables are the catalog's.
_LANDING_SOURCES = {"batch", "batch_total", "check", "check_total", "rejected_record"}
_ENGINEERS, _READERS = "data-engineering", "controlling"


class LayerTranslator(DagsterDbtTranslator):
    """Nodes of dbt as assets ``layer/model``, grouped by layer, with the owners of the catalog."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self._site = site
        self._owners = _owners(site.deployment)
        self._partitions = period_partitions(site.deployment)

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """dagster-dbt's spec of the node, in our words."""
        base = super().get_asset_spec(manifest, unique_id, project)
        node = self.get_resource_props(manifest, unique_id)
        if node["resource_type"] != "model":
            return base
        layer, name = layer_of(node), str(node["name"])
        owner = (node.get("meta") or {}).get("owner") or self._owners.get(name)
        metadata = {key: value for key, value in base.metadata.items() if not key.startswith("dagster_dbt/")}
        return dg.AssetSpec(
            key=model_key(layer, name),
            deps=self._deps(manifest, node),
            description=(node.get("description") or "").strip() or None,
            metadata=metadata,
            group_name=layer,
            code_version=base.code_version,
            owners=[f"team:{owner or (_READERS if layer == 'marts' else _ENGINEERS)}"],
            tags=base.tags,
            kinds={"dbt", self._site.settings.engine, _kind(node)},
            partitions_def=self._partitions if layer in STEPS["reconciled"] else None,
        )

    def _deps(self, manifest: Mapping[str, Any], node: Mapping[str, Any]) -> list[dg.AssetKey]:
        deps = {
            landing_key(system, name)
            for system, name in _LANDED.findall(node.get("raw_code") or "")
            if name in self._site.deployment.systems[system].objects
        }
        for parent in node["depends_on"]["nodes"]:
            if parent in manifest["nodes"]:
                other = manifest["nodes"][parent]
                if _is_ephemeral(other):
                    deps |= set(self._deps(manifest, other))
                else:
                    deps.add(model_key(layer_of(other), other["name"]))
            elif manifest["sources"][parent]["name"] in _LANDING_SOURCES:
                deps |= {
                    landing_key(system.system, name)
                    for system in self._site.deployment.systems.values()
                    for name in system.objects
                }
        return sorted(deps)


def layer_of(node: Mapping[str, Any]) -> str:
    """Layer of a dbt model: the deployment's are staging, the package's lie in a folder of that name."""
    return "staging" if node["package_name"] == "deployment" else str(node["fqn"][1])


def models(site: Site) -> dict[str, Mapping[str, Any]]:
    """The models of the manifest by unique id; ephemeral ones are part of the models that use them."""
    return {
        key: node
        for key, node in site.manifest["nodes"].items()
        if node["resource_type"] == "model" and not _is_ephemeral(node)
    }


def model_keys(site: Site) -> dict[str, dg.AssetKey]:
    """Asset key by model name (names are unique over the layers)."""
    return {str(node["name"]): model_key(layer_of(node), node["name"]) for node in models(site).values()}


def dbt_assets(site: Site, bench: Bench) -> list[dg.AssetsDefinition]:
    """The two build steps."""
    translator = LayerTranslator(site)
    specs = {key: translator.get_asset_spec(site.manifest, key, None) for key in models(site)}
    return [_step(site, bench, step, specs) for step in STEPS]


def _step(site: Site, bench: Bench, step: str, all_specs: Mapping[str, dg.AssetSpec]) -> dg.AssetsDefinition:
    specs = {key: spec for key, spec in all_specs.items() if spec.group_name in STEPS[step]}
    tests = _tests(site, specs)
    partitioned = step == "reconciled"

    @dg.multi_asset(
        name=f"build_{step}",
        description=f"dbt build of {' and '.join(STEPS[step])} with the models' own tests, as one run.",
        specs=list(specs.values()),
        check_specs=[
            dg.AssetCheckSpec(
                facts.TESTS_CHECK,
                asset=specs[key].key,
                description="Grain and other dbt tests: " + ", ".join(sorted(names.values())),
            )
            for key, names in tests.items()
        ],
        partitions_def=period_partitions(site.deployment) if partitioned else None,
        backfill_policy=dg.BackfillPolicy.single_run() if partitioned else None,
        can_subset=False,
    )
    def run(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        hold_home(site.settings)
        bench.start()
        periods = _asked_periods(context) if partitioned else None
        site.progress(f"building {' and '.join(STEPS[step])} ({len(specs)} models)")
        started = time.perf_counter()
        result = build(
            site.settings, site.deployment, layers=(step,), periods=periods, prepared=site.prepared,
            on_event=lambda item: _log_failure(context, site, item),
        )  # fmt: skip
        counts = Counter(item.resource_type for item in result.models if not item.failed)
        if step in result.unchanged:
            site.progress("nothing new for them: they stand as they are")
            yield from _standing(specs, tests)
            return
        site.progress(
            f"built {counts['model']} models, {counts['test']} tests passed, {time.perf_counter() - started:.1f} s"
        )
        for layer, reason in result.full_refresh.items():
            context.log.info("%s is built from nothing: %s", layer, reason)
        yield from _events(step, specs, tests, result)
        if result.failed:
            raise _failure(result)

    return run


def _tests(site: Site, specs: Mapping[str, dg.AssetSpec]) -> dict[str, dict[str, str]]:
    """Tests of dbt by model: unique id of the model -> unique id of the test -> its name."""
    found: dict[str, dict[str, str]] = {}
    for key, node in site.manifest["nodes"].items():
        if node["resource_type"] != "test":
            continue
        parents = [node.get("attached_node"), *reversed(node["depends_on"]["nodes"])]
        model = next((parent for parent in parents if parent in specs), None)
        if model is not None:
            found.setdefault(str(model), {})[key] = key.split(".")[2]
    return found


def _asked_periods(context: dg.AssetExecutionContext) -> list[str] | None:
    """Periods of the run's partitions; None where the run asks for whatever is open."""
    if OPEN_PERIODS_TAG in context.run.tags or (
        not context.has_partition_key_range and not context.has_partition_key
    ):
        return None
    return list(context.partition_keys)


def _events(
    step: str, specs: Mapping[str, dg.AssetSpec], tests: Mapping[str, Mapping[str, str]], result: BuildResult
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    outcome = {item.unique_id: item for item in result.models}
    reason = result.full_refresh.get(step)
    # In the order in which dbt finished them: Dagster wants what a model depends on first.
    for item in result.models:
        spec = specs.get(item.unique_id)
        if spec is None:
            continue
        if not item.failed:
            metadata = {facts.SECONDS: round(item.seconds, 3), facts.REBUILT: reason}
            yield dg.MaterializeResult(asset_key=spec.key, metadata=facts.compact(metadata))
        ran = [outcome[test] for test in tests.get(item.unique_id, {}) if test in outcome]
        ran = [test for test in ran if test.status != "skipped"]
        if ran:
            yield _test_result(spec.key, ran)


def _standing(
    specs: Mapping[str, dg.AssetSpec], tests: Mapping[str, Mapping[str, str]]
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    """Models that no news reached: up to date without having been built, what they depend on first."""
    mine = {spec.key: key for key, spec in specs.items()}
    order = TopologicalSorter({
        spec.key: [dep.asset_key for dep in spec.deps if dep.asset_key in mine] for spec in specs.values()
    })  # fmt: skip
    for asset in order.static_order():
        yield dg.MaterializeResult(asset_key=asset, metadata={facts.STATE: facts.STANDS})
        if mine[asset] in tests:
            metadata: dict[str, Any] = {facts.STATE: facts.STANDS, facts.TESTS: 0}
            yield dg.AssetCheckResult(
                asset_key=asset, check_name=facts.TESTS_CHECK, passed=True, metadata=metadata
            )


def _test_result(key: dg.AssetKey, ran: list[ModelResult]) -> dg.AssetCheckResult:
    failed = [item for item in ran if item.failed]
    metadata: dict[str, Any] = {facts.TESTS: len(ran) - len(failed)}
    if failed:
        rows = [(item.name, item.failures or "", _words(item.message)) for item in failed]
        metadata[facts.ERROR] = facts.table(("test", "failing rows", "message"), rows)
        metadata[facts.REMEDY] = (
            "Run the test's SQL (target/compiled in the dbt folder of the data home) to see the rows."
        )
    return dg.AssetCheckResult(
        asset_key=key, check_name=facts.TESTS_CHECK, passed=not failed, metadata=metadata
    )


def _failure(result: BuildResult) -> dg.Failure:
    causes = [item for item in result.failed if item.status != "skipped"]
    skipped = len(result.failed) - len(causes)
    lines = [f"{item.resource_type} {item.name}: {_words(item.message) or item.status}" for item in causes]
    text = "\n".join(lines) + (f"\n{skipped} more were skipped because of it" if skipped else "")
    return dg.Failure(
        description=f"dbt: {text}",
        metadata={
            facts.REMEDY: "Mend the model named first; what is published stays as it is until a run succeeds."
        },
        allow_retries=False,
    )


def _log_failure(context: dg.AssetExecutionContext, site: Site, item: ModelResult) -> None:
    if item.failed and item.status != "skipped":
        site.progress(f"{item.resource_type} {item.name} failed: {_words(item.message)}")
        context.log.error("%s %s failed: %s", item.resource_type, item.name, item.message)


def _words(message: str) -> str:
    """A message of dbt without its indentation and empty lines."""
    return "\n".join(line.strip() for line in message.splitlines() if line.strip())


def _is_ephemeral(node: Mapping[str, Any]) -> bool:
    return bool(node.get("config", {}).get("materialized") == "ephemeral")


def _kind(node: Mapping[str, Any]) -> str:
    materialized = str(node.get("config", {}).get("materialized"))
    return materialized if materialized in {"view", "table", "incremental"} else "table"


def _owners(deployment: Deployment) -> dict[str, str]:
    """Queue by model name: of the control, or of the system that a staging model reads."""
    owners = {control.model: control.owner for control in controls().values()}
    for feeds in deployment.feeds.values():
        for feed in feeds:
            system = deployment.systems[feed.system]
            owners[feed.staging_model] = system.objects[feed.object].owner or system.owner
    return owners
