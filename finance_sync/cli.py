"""The `finance-sync` command.

Belongs here: commands that parse arguments, call the package that does the work, and print. Does not: any work. Packages are
imported inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from finance_sync.cli_exceptions import audit_app, exceptions_app
from finance_sync.cli_report import report
from finance_sync.cli_workbook import workbook_app
from finance_sync.errors import DeploymentError, FinanceSyncError

if TYPE_CHECKING:
    from finance_sync.catalog import Deployment
    from finance_sync.settings import Settings


class _Group(TyperGroup):
    """Shows errors that are meant for people as their message and remedy, without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except FinanceSyncError as error:
            _complain(f"error: {error.message}", error.remedy)
            raise typer.Exit(2) from error


app = typer.Typer(
    cls=_Group, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="Planning, procurement, ledger and settlement systems brought to agreement, every night.",
)  # fmt: skip
catalog_app = typer.Typer(no_args_is_help=True, help="Files generated from the catalog.")
sandbox_app = typer.Typer(no_args_is_help=True, help="The demo company and its source systems.")
app.add_typer(catalog_app, name="catalog")
suppliers_app = typer.Typer(no_args_is_help=True, help="Suppliers that may be one.")
app.add_typer(sandbox_app, name="sandbox")
app.add_typer(suppliers_app, name="suppliers")
crosswalk_app = typer.Typer(no_args_is_help=True, help="The mapping of codes.")
app.add_typer(crosswalk_app, name="crosswalk")
app.add_typer(exceptions_app, name="exceptions")
app.add_typer(audit_app, name="audit")
app.command()(report)
app.add_typer(workbook_app, name="workbook")


class OutputFormat(StrEnum):
    """How `query` prints."""

    table = "table"
    csv = "csv"
    json = "json"


class Layer(StrEnum):
    """Layers of the warehouse that can be built by themselves."""

    canonical = "canonical"
    reconciled = "reconciled"


DeploymentOption = Annotated[
    Path | None, typer.Option("--deployment", help="Folder of the deployment (FINANCE_SYNC_DEPLOYMENT).")
]
SystemOption = Annotated[
    list[str] | None, typer.Option("--system", help="Only this source system; repeatable.")
]
ObjectOption = Annotated[list[str] | None, typer.Option("--object", help="Only this object; repeatable.")]
PeriodOption = Annotated[
    list[str] | None,
    typer.Option(
        "--period", help="Only this fiscal period, e.g. months:2025-P03; repeatable. Default: open ones."
    ),
]


@app.callback()
def _main(
    ctx: typer.Context,
    deployment: DeploymentOption = None,
    home: Annotated[Path | None, typer.Option(help="Data home (FINANCE_SYNC_HOME).")] = None,
    engine: Annotated[str | None, typer.Option(help="duckdb or postgres (FINANCE_SYNC_ENGINE).")] = None,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Business date (FINANCE_SYNC_AS_OF).")
    ] = None,
) -> None:
    from finance_sync.settings import telemetry_off

    telemetry_off()
    given = {"deployment": deployment, "home": home, "engine": engine}
    ctx.obj = {**given, "as_of": as_of.date() if as_of else None}


def _settings(ctx: typer.Context) -> Settings:
    from finance_sync.settings import load_settings

    return load_settings(**ctx.find_root().obj)


def _load(ctx: typer.Context) -> tuple[Settings, Deployment]:
    from finance_sync.catalog import load_deployment

    settings = _settings(ctx)
    return settings, load_deployment(settings)


def _choose(
    deployment: Deployment, systems: list[str] | None, objects: list[str] | None
) -> dict[str, list[str] | None]:
    """Systems and their objects to work on; None is all objects of a system."""
    from finance_sync.catalog.declarations import did_you_mean

    for name in systems or ():
        if name not in deployment.systems:
            raise DeploymentError(
                f"deployment {deployment.name} has no system {name!r}",
                remedy=did_you_mean(name, deployment.systems),
            )
    chosen: dict[str, list[str] | None] = {}
    known = {name: deployment.systems[name].objects for name in systems or deployment.systems}
    for name in objects or ():
        if not any(name in own for own in known.values()):
            raise DeploymentError(
                f"no object {name!r} in {', '.join(known)}",
                remedy=did_you_mean(name, [other for own in known.values() for other in own]),
            )
    for name, own in known.items():
        wanted = [item for item in own if item in objects] if objects else None
        if wanted or wanted is None:
            chosen[name] = wanted
    return chosen


def _complain(message: str, remedy: str = "") -> None:
    from finance_sync.cli_output import console

    err = console(stderr=True)
    err.print(message, style="bold red", markup=False)
    if remedy:
        err.print(f"  -> {remedy}", style="yellow", markup=False)


def _say(message: str) -> None:
    from finance_sync.cli_output import console

    console(stderr=True).print(message, style="dim", markup=False)


def _write(text: str) -> None:
    typer.echo(text, nl=False)


# ------------------------------------------------------------------------------------------ checks and files


@app.command()
def doctor(ctx: typer.Context) -> None:
    """Check the deployment, its connections and this machine, and say what to do."""
    from finance_sync.cli_doctor import examine
    from finance_sync.cli_output import console, findings_table

    findings = examine(_settings(ctx))
    console().print(findings_table(findings))
    failed = sum(finding.status == "fail" for finding in findings)
    warned = sum(finding.status == "warn" for finding in findings)
    typer.echo(f"{len(findings)} checks, {failed} failed, {warned} warnings")
    raise typer.Exit(1 if failed else 0)


@app.command()
def schema() -> None:
    """Write the JSON Schemas of a deployment's files into docs/schema, for editors."""
    from finance_sync.catalog.schemas import write_json_schemas
    from finance_sync.settings import PROJECT_ROOT

    for path in write_json_schemas(PROJECT_ROOT / "docs" / "schema"):
        typer.echo(path)


@catalog_app.command("generate")
def catalog_generate(ctx: typer.Context) -> None:
    """Write the dbt contracts, the suites and the pages on controls again from the catalog."""
    from finance_sync.catalog.contracts import write_canonical_contracts
    from finance_sync.controls.docs import write_docs
    from finance_sync.controls.generate import write_suites
    from finance_sync.settings import PROJECT_ROOT

    settings = _settings(ctx)
    typer.echo(write_canonical_contracts(settings.dbt_package))
    for path in write_suites(settings.expectations_dir):
        typer.echo(path)
    for path in write_docs(PROJECT_ROOT / "docs", settings.dbt_package):
        typer.echo(path)


# ------------------------------------------------------------------------------------------ the run


@app.command()
def run(
    ctx: typer.Context,
    system: SystemOption = None,
    period: PeriodOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as JSON, with the seconds of each phase.")
    ] = False,
) -> None:
    """Run the night: land, build, judge, publish; ends with a summary.

    Exit code: 0 done, 2 technical failures, 3 publication stopped by a blocking control.
    """
    from finance_sync.cli_output import console
    from finance_sync.orchestration import run_nightly
    from finance_sync.orchestration import summary as shown

    summary = run_nightly(_settings(ctx), systems=system, periods=period, progress=_say)
    if as_json:
        typer.echo(shown.as_json(summary))
    else:
        shown.print_summary(summary, console())
    raise typer.Exit(summary.exit_code)


@app.command()
def land(ctx: typer.Context, system: SystemOption = None, object_: ObjectOption = None) -> None:
    """Pull what is new from the source systems into the batch log; nothing is built."""
    from finance_sync.cli_output import console, landed_table
    from finance_sync.landing import land_system
    from finance_sync.warehouse.lock import run_lock

    settings, deployment = _load(ctx)
    chosen = _choose(deployment, system, object_)
    correlation_id = uuid.uuid4().hex
    results = []
    with run_lock(settings):
        for name, objects in chosen.items():
            _say(f"landing {name}")
            results += land_system(settings, deployment, name, objects=objects, correlation_id=correlation_id)
    console().print(landed_table(results))
    for result in results:
        if result.error:
            _complain(f"{result.system}.{result.object}: {result.error}", result.remedy or "")
    raise typer.Exit(2 if any(result.error for result in results) else 0)


@app.command()
def replay(
    ctx: typer.Context,
    system: Annotated[str, typer.Option("--system", help="Source system.")],
    object_: Annotated[str, typer.Option("--object", help="Its object.")],
) -> None:
    """Check rejected records again, after the contract was mended; what passes becomes a new batch."""
    from finance_sync.cli_output import console, landed_table
    from finance_sync.landing import replay as replay_rejected
    from finance_sync.warehouse.lock import run_lock

    settings, deployment = _load(ctx)
    _choose(deployment, [system], [object_])
    with run_lock(settings):
        result = replay_rejected(settings, deployment, system, object_, correlation_id=uuid.uuid4().hex)
    console().print(landed_table([result]))


@app.command()
def build(
    ctx: typer.Context,
    layer: Annotated[
        list[Layer] | None, typer.Option("--layer", help="Only this layer; repeatable. Default: both.")
    ] = None,
    period: PeriodOption = None,
    full_refresh: Annotated[
        bool,
        typer.Option("--full-refresh", help="Build everything from the batch log again, closed periods too."),
    ] = False,
) -> None:
    """Build the warehouse from what has landed; nothing is pulled, judged or published."""
    from finance_sync.cli_output import built_table, console
    from finance_sync.warehouse.build import build as build_warehouse
    from finance_sync.warehouse.lock import run_lock

    settings, deployment = _load(ctx)
    with run_lock(settings):
        result = build_warehouse(
            settings,
            deployment,
            layers=tuple(part.value for part in layer or Layer),
            periods=period,
            full_refresh=full_refresh,
        )
    console().print(built_table(result))
    for node in result.failed:
        _complain(f"{node.name}: {node.status}", node.message)
    raise typer.Exit(2 if result.failed else 0)


@app.command()
def publish(ctx: typer.Context) -> None:
    """Publish the marts of the last build for readers, swapped in as a whole."""
    from finance_sync.exceptions.published import register_relations
    from finance_sync.warehouse.lock import run_lock
    from finance_sync.warehouse.project import prepare
    from finance_sync.warehouse.publish import publish as publish_marts

    settings, deployment = _load(ctx)
    with run_lock(settings):
        prepared, beside = prepare(settings, deployment), register_relations(settings)
        done = publish_marts(settings, deployment, prepared, beside)
    state = "no byte changed" if done.unchanged else f"{len(done.tables)} relations"
    typer.echo(f"published version {done.version} ({state}) in {done.path}")


@app.command()
def query(
    ctx: typer.Context,
    sql: Annotated[
        str, typer.Argument(help="A SELECT on the published marts; '-' reads it from standard input.")
    ],
    output: Annotated[
        OutputFormat, typer.Option("--output", "-o", help="Money is exact text.")
    ] = OutputFormat.table,
) -> None:
    """Query the published marts, also while a run is writing the next ones."""
    from finance_sync.cli_output import render
    from finance_sync.warehouse.publish import read_published

    statement = typer.get_text_stream("stdin").read() if sql == "-" else sql
    for piece in render(read_published(_settings(ctx), statement), output.value):
        _write(piece)


@app.command()
def ui(
    ctx: typer.Context,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 3000,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Look, do not touch: for controllers.")
    ] = False,
) -> None:
    """Open Dagster on http://127.0.0.1:<port>."""
    from finance_sync.orchestration import serve_ui

    raise typer.Exit(serve_ui(_settings(ctx), port=port, read_only=read_only))


@suppliers_app.command("candidates")
def suppliers_candidates(
    ctx: typer.Context,
    min_score: Annotated[int, typer.Option(min=0, max=100, help="Least score of a pair, 0 to 100.")] = 70,
    system: SystemOption = None,
    reason: Annotated[
        list[str] | None, typer.Option(help="Only pairs with these words among their reasons; repeatable.")
    ] = None,
    crosswalk: Annotated[
        Path | None, typer.Option(help="Write proposed crosswalk rows there (CSV), for a person to accept.")
    ] = None,
    output: Annotated[OutputFormat, typer.Option("--output", "-o")] = OutputFormat.table,
) -> None:
    """Propose suppliers that may be one, with score and reasons; nothing is merged."""
    from finance_sync.cli_output import render
    from finance_sync.cli_suppliers import find_candidates, read_suppliers, write_proposals

    settings, deployment = _load(ctx)
    _choose(deployment, system, None)
    day = deployment.business_date(settings)
    found = find_candidates(
        read_suppliers(settings, day), min_score=min_score, systems=system or (), reasons=reason or (),
        workers=settings.threads,
    )  # fmt: skip
    for piece in render(found.shown.to_arrow(), output.value):
        _write(piece)
    for rule, keys in found.candidates.too_large.items():
        _say(f"{keys} values of {rule} are shared by too many suppliers to tell anything")
    if crosswalk:
        _say(f"{write_proposals(found, crosswalk, day)} proposed crosswalk rows in {crosswalk}")


@crosswalk_app.command("coverage")
def crosswalk_coverage(
    ctx: typer.Context,
    output: Annotated[OutputFormat, typer.Option("--output", "-o")] = OutputFormat.table,
) -> None:
    """Share of the amounts whose codes are mapped, per system, object and kind of code."""
    from finance_sync.cli_crosswalk import coverage
    from finance_sync.cli_output import render

    for piece in render(coverage(_settings(ctx)), output.value):
        _write(piece)


# ------------------------------------------------------------------------------------------ the demo company


@sandbox_app.command("create")
def sandbox_create(
    ctx: typer.Context,
    seed: Annotated[int, typer.Option(help="The same seed makes the same company.")] = 7,
    scale: Annotated[float, typer.Option(min=0.05, help="Size; 1 has some 25 thousand journal lines.")] = 1.0,
    if_missing: Annotated[bool, typer.Option("--if-missing", help="Keep the one that is there.")] = False,
) -> None:
    """Found the demo company: its source systems, with planted problems and an answer key."""
    from finance_sync import sandbox

    settings = _settings(ctx)
    if if_missing and sandbox.exists(settings):
        return
    typer.echo(sandbox.create(settings, seed=seed, scale=scale))


@sandbox_app.command("advance")
def sandbox_advance(
    ctx: typer.Context, days: Annotated[int, typer.Option(min=1, help="Business days to let pass.")] = 1
) -> None:
    """Let business days pass in the demo company."""
    from finance_sync import sandbox

    typer.echo(sandbox.advance(_settings(ctx), days=days))


@sandbox_app.command("verify")
def sandbox_verify(ctx: typer.Context) -> None:
    """Compare what the published marts found with what was planted, both ways; exit code 1 when they differ."""
    from finance_sync import sandbox
    from finance_sync.warehouse.publish import read_published

    settings = _settings(ctx)
    verdict = sandbox.verify(settings, lambda sql: read_published(settings, sql))
    typer.echo(verdict.text)
    raise typer.Exit(0 if verdict.holds else 1)


if __name__ == "__main__":
    app()
