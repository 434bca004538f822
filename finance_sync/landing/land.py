"""Landing one object, and all objects of a system: pull, check, compare, write a batch or none.

Belongs here: the order of things, and that one object's failure stays its own. Does not: any of the things themselves.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import polars as pl

from finance_sync.catalog.loader import Deployment
from finance_sync.catalog.models import FileRead
from finance_sync.errors import FinanceSyncError, SourceError
from finance_sync.extract.pull import Pull, Statement, Window
from finance_sync.extract.source import found_files, found_statements, open_pull
from finance_sync.landing.contract import Contract, bind, contract_of
from finance_sync.landing.delta import Figures, Pass, Task, landed_state
from finance_sync.landing.log import ObjectLog, object_log
from finance_sync.landing.manifest import Batch, Check, ControlTotal
from finance_sync.landing.rejects import outstanding_of
from finance_sync.landing.state import Cursor, cursor_text, cursor_value
from finance_sync.landing.writer import RejectedWriter, write_accepted
from finance_sync.settings import Settings

_log = logging.getLogger(__name__)
_MAX_THREADS = 4


@dataclass(frozen=True)
class LandingResult:
    """What became of one object.

    Attributes:
        status: landed (a batch was written), unchanged (the source was reached, nothing is new) or failed.
        batch: the batch, when landed.
        check: the contact's figures, when it succeeded.
        error: what went wrong, when failed; ``remedy`` says what to do.
        seconds: wall time.
    """

    system: str
    object: str
    status: Literal["landed", "unchanged", "failed"]
    batch: Batch | None = None
    check: Check | None = None
    error: str | None = None
    remedy: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class _Visit:
    """One contact with one object."""

    settings: Settings
    deployment: Deployment
    contract: Contract
    log: ObjectLog
    batches: Sequence[Batch]
    before: Check
    started: datetime
    business_date: date
    correlation_id: str

    @property
    def same_contract(self) -> bool:
        """The log stands as the last contact left it, under the same contract."""
        last = self.batches[-1].batch_id if self.batches else None
        return (
            self.before.checked_at is not None
            and self.before.contract_version == self.contract.version
            and self.before.last_batch_id == last
        )

    @property
    def start(self) -> Cursor | None:
        """Lower end of the window: the watermark less the lookback. A changed contract reads everything once more."""
        last = self.batches[-1] if self.batches else None
        versions = {last.contract_version if last is not None else "", self.before.contract_version}
        if last is None or self.contract.version not in versions:
            return None
        watermark = cursor_value(self.contract, last.window_to)
        if watermark is None or isinstance(watermark, int):
            return watermark
        back = _duration(self.contract.spec.delta.lookback)
        # A date has no hours: half a day back is the day before.
        return (
            watermark - back
            if isinstance(watermark, datetime)
            else watermark - timedelta(days=-(-back // timedelta(days=1)))
        )


def land_object(
    settings: Settings,
    deployment: Deployment,
    system: str,
    name: str,
    *,
    correlation_id: str = "",
    pull: Pull | None = None,
) -> LandingResult:
    """Land one object. Never raises for what is wrong with the source or the log: the result says it.

    Args:
        settings: the data home.
        deployment: its systems.
        system: name of the system.
        name: name of the object.
        correlation_id: names the run in manifests.
        pull: an open read to land instead of the declared source, e.g. of a dlt resource (extract.resources).

    Returns:
        What became of it.
    """
    began = time.monotonic()
    log = object_log(settings, system, name)
    started = datetime.now(tz=UTC).replace(tzinfo=None)
    try:
        contract = contract_of(deployment, system, name)
        with log.lock():
            log.clean()
            visit = _Visit(settings, deployment, contract, log, log.batches(), log.check(), started,
                           deployment.business_date(settings), correlation_id)  # fmt: skip
            result = _visited(visit, pull)
    except FinanceSyncError as error:
        result = LandingResult(system, name, "failed", error=error.message, remedy=error.remedy)
    except Exception as error:  # noqa: BLE001 - one object's failure, even an unforeseen one, must not stop the others
        _log.exception("%s.%s failed", system, name)
        result = LandingResult(
            system,
            name,
            "failed",
            error=f"{system}.{name}: {type(error).__name__}: {error}",
            remedy="see the log; this is a defect",
        )
    if result.status == "failed":
        _note_failure(log, result, started)
    return replace(result, seconds=time.monotonic() - began)


def land_system(
    settings: Settings,
    deployment: Deployment,
    system: str,
    objects: Iterable[str] | None = None,
    *,
    correlation_id: str = "",
    on_progress: Callable[[LandingResult], None] | None = None,
) -> list[LandingResult]:
    """Land objects of a system, several at a time.

    Args:
        settings: the data home; ``threads`` bounds how many are landed at once.
        deployment: its systems.
        system: name of the system.
        objects: names; default all.
        correlation_id: names the run in manifests.
        on_progress: told each result as it comes, from the worker's thread.

    Returns:
        Results in the order of the objects.
    """
    names = list(objects) if objects is not None else list(deployment.systems[system].objects)

    def one(name: str) -> LandingResult:
        result = land_object(settings, deployment, system, name, correlation_id=correlation_id)
        if on_progress is not None:
            on_progress(result)
        return result

    workers = max(1, min(settings.threads, len(names), _MAX_THREADS))
    if workers == 1:
        return [one(name) for name in names]
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix=f"land-{system}") as pool:
        return list(pool.map(one, names))


def _note_failure(log: ObjectLog, result: LandingResult, at: datetime) -> None:
    try:
        log.write_check(
            log.check().model_copy(update={"failed_at": at, "error": result.error, "remedy": result.remedy})
        )
    except OSError:
        _log.exception("the failure of %s.%s could not be noted", result.system, result.object)


def _visited(visit: _Visit, pull: Pull | None) -> LandingResult:
    contract = visit.contract
    declared = visit.deployment.systems[contract.system]
    if pull is not None:
        return _landed(visit, pull, {})
    files = found_files(visit.settings, declared, contract.name)
    stamps = {item.name: item.stamp for item in files or []}
    if contract.mode != "cursor":
        said = found_statements(visit.settings, declared, contract.name)
        stamps |= {f"statement {item.name}": item.stamp for item in said}
    known = visit.before.files if visit.same_contract else {}
    if (
        files is not None
        and visit.same_contract
        and stamps.items() <= known.items()
        and _complete(contract, stamps, known)
    ):
        return _unchanged(visit, visit.before.content, _untouched(visit.before))
    if files is not None and contract.mode == "cursor":
        files = [item for item in files if known.get(item.name) != item.stamp]
    with open_pull(
        visit.settings, declared, contract.name, Window(visit.start), files=files, known_names=_Known(known)
    ) as opened:
        if (
            files is not None
            and contract.mode != "cursor"
            and visit.same_contract
            and opened.content == visit.before.content
        ):
            return _unchanged(visit, opened.content, _untouched(visit.before), stamps)
        return _landed(visit, opened, {**(known if contract.mode == "cursor" else {}), **stamps})


def _untouched(before: Check) -> Check:
    """The figures of the last contact, for content that is the same and was not compared again."""
    return before.model_copy(update={"rows_unchanged": before.rows_seen})


class _Known(frozenset[str]):
    """Names of stored files read before; a member of an archive is known with its archive."""

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or any(str(name).startswith(f"{archive}/") for archive in self)


def _complete(contract: Contract, stamps: dict[str, str], known: dict[str, str]) -> bool:
    """In cursor mode a file that was taken away changes nothing; otherwise what is there is the content."""
    return contract.mode == "cursor" or stamps.keys() == known.keys()


def _landed(visit: _Visit, pull: Pull, stamps: dict[str, str]) -> LandingResult:
    contract = visit.contract
    last = visit.batches[-1] if visit.batches else None
    earlier = last.physical if last is not None and last.contract_version == contract.version else {}
    binding = bind(contract, pull, earlier)
    seq = (last.seq if last is not None else 0) + 1
    batch_id = f"{seq:06d}-{_identity(visit, pull)}"
    task = Task(
        binding, pull, visit.batches, outstanding_of(visit.batches), visit.start if contract.mode == "cursor" else None,
        batch_id, seq, visit.settings.allow_empty,
    )  # fmt: skip
    with visit.log.stage() as folder:
        done = _run(task, folder)
        statement = _statement(contract, pull, done.figures)
        settled = done.settled()
        is_news = _is_news(done, settled)
        batch = _manifest(visit, task, done.figures if is_news else done.as_unchanged(), statement, pull)
        batch = batch.model_copy(update={"rows_settled": settled.height})
        if not is_news:
            return _unchanged(visit, pull.content, _contact(visit, batch, None, pull.content, stamps))
        _finish_files(folder, batch, settled)
        final = visit.log.commit(folder, batch)
    check = _contact(visit, final, final.batch_id, pull.content, stamps)
    visit.log.write_check(check)
    return LandingResult(contract.system, contract.name, "landed", batch=final, check=check)


def _run(task: Task, folder: Path) -> Pass:
    """One pass; a second one when keys stand in the pull more than once, which only the first one can tell."""
    state = landed_state(task)
    twice: pl.Series | None = None
    while True:
        rejected = RejectedWriter(folder / "rejected.parquet", task.batch_id, task.seq)
        done = Pass(task, rejected, state, twice)
        try:
            write_accepted(folder / "accepted.parquet", done.frames(), done.schema)
        finally:
            rejected.close()
        if twice is not None:
            return done
        twice = done.keys_twice()
        if twice is None:
            return done
        for file in folder.glob("*.parquet"):
            file.unlink()


def _is_news(done: Pass, settled: pl.DataFrame) -> bool:
    """Whether a batch is due. One of an object read in full is its whole content, whatever the news is."""
    figures = done.figures
    if figures.rejected or figures.deleted or settled.height:
        return True
    if done.task.binding.contract.mode != "full":
        return figures.accepted > 0
    return not done.is_same_content


def _finish_files(folder: Path, batch: Batch, settled: pl.DataFrame) -> None:
    if not (batch.rows_accepted or batch.rows_deleted):
        (folder / "accepted.parquet").unlink(missing_ok=True)
    if settled.height:
        settled.write_parquet(folder / "settled.parquet", compression="zstd")


def _identity(visit: _Visit, pull: Pull) -> str:
    """Of what is pulled: the same pull onto the same log gives the same batch id."""
    last = visit.batches[-1].batch_id if visit.batches else ""
    said = [visit.contract.where, visit.contract.version, last, cursor_text(visit.start), pull.content]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:12]


def _statement(contract: Contract, pull: Pull, figures: Figures) -> Statement:
    """What the source says it has, without the rows that the contract leaves out.

    Raises:
        SourceError: the file should have a total row and has none, so it may be cut off.
    """
    said = pull.statement()
    read = contract.spec.read
    if not isinstance(read, FileRead):
        return said
    rows = said.rows
    if said.kind == "recount" and rows is not None:
        rows -= figures.excluded
    if not read.total_row:
        return replace(said, rows=rows)
    if not figures.stated.get(""):
        rule = ", ".join(f"{name} {value!r}" for name, value in read.total_row.items())
        raise SourceError(
            f"{contract.where}: the file has no total row (a row with {rule})",
            remedy="it may be cut off: have it delivered again, or correct `total_row`",
        )
    return Statement("total_row", rows, {name: value for name, value in figures.stated.items() if name})


def _manifest(visit: _Visit, task: Task, figures: Figures, statement: Statement, pull: Pull) -> Batch:
    contract, binding = visit.contract, task.binding
    last = visit.batches[-1] if visit.batches else None
    return Batch(
        batch_id=task.batch_id,
        seq=task.seq,
        system=contract.system,
        object=contract.name,
        mode=contract.mode,
        window_from=cursor_text(task.start),
        window_to=cursor_text(_watermark(visit, figures.latest)) or (last.window_to if last is not None else None),
        pulled_at=visit.started,
        business_date=visit.business_date,
        data_as_of=_moment(figures.latest),
        rows_source=statement.rows,
        rows_seen=figures.seen,
        rows_accepted=figures.accepted,
        rows_rejected=figures.rejected,
        rows_unchanged=figures.unchanged,
        rows_superseded=figures.superseded,
        rows_deleted=figures.deleted,
        rows_excluded=figures.excluded,
        deletions_held=figures.deletions_held,
        source_statement=statement.kind,
        control_totals={
            name: ControlTotal(
                source=statement.totals.get(name), seen=item.seen, accepted=item.accepted, rejected=item.rejected,
                unchanged=item.unchanged, superseded=item.superseded,
            )
            for name, item in figures.totals.items()
        },
        cursor_max=cursor_text(figures.latest),
        schema_fingerprint=binding.schema_fingerprint,
        physical=dict(binding.physical),
        contract_version=contract.version,
        hashes={"content": pull.content},
        new_columns=list(binding.extras.values()),
        correlation_id=visit.correlation_id,
    )  # fmt: skip


def _watermark(visit: _Visit, latest: Cursor | None) -> Cursor | None:
    """Highest change time seen, and never lower than before.

    A time in the future (a mistyped year) must not move it beyond reach, or later changes would never be pulled. The clock is
    the later one of the machine's and the run's business date.
    """
    before = cursor_value(visit.contract, visit.batches[-1].window_to) if visit.batches else None
    if latest is None or isinstance(latest, int):
        return before if latest is None else max(latest, before) if isinstance(before, int) else latest
    horizon = max(visit.started, datetime.combine(visit.business_date, datetime.min.time())) + timedelta(
        days=1
    )
    if isinstance(latest, datetime):
        capped: Cursor = min(latest, horizon)
    else:
        capped = min(latest, horizon.date())
    return capped if before is None else max(capped, before)


def _moment(latest: Cursor | None) -> datetime | None:
    if latest is None or isinstance(latest, int):
        return None
    return latest if isinstance(latest, datetime) else datetime.combine(latest, datetime.min.time())


def _contact(
    visit: _Visit, batch: Batch, batch_id: str | None, content: str, stamps: dict[str, str]
) -> Check:
    last = batch_id or (visit.batches[-1].batch_id if visit.batches else None)
    return Check(
        system=batch.system, object=batch.object, checked_at=visit.started, business_date=visit.business_date, batch_id=batch_id,
        last_batch_id=last, rows_source=batch.rows_source, rows_seen=batch.rows_seen, rows_unchanged=batch.rows_unchanged,
        deletions_held=batch.deletions_held, source_statement=batch.source_statement, control_totals=batch.control_totals,
        data_as_of=batch.data_as_of, contract_version=visit.contract.version, content=content, files=stamps,
        correlation_id=visit.correlation_id,
    )  # fmt: skip


def _unchanged(
    visit: _Visit, content: str, figures: Check, stamps: dict[str, str] | None = None
) -> LandingResult:
    """The source was reached and has nothing new."""
    update: dict[str, Any] = {
        "checked_at": visit.started, "business_date": visit.business_date, "batch_id": None, "content": content,
        "correlation_id": visit.correlation_id, "failed_at": None, "error": None, "remedy": None,
    }  # fmt: skip
    if stamps is not None:
        update["files"] = stamps
    check = figures.model_copy(update=update)
    visit.log.write_check(check)
    return LandingResult(visit.contract.system, visit.contract.name, "unchanged", check=check)


def _duration(text: str) -> timedelta:
    number, unit = text.split()
    return timedelta(**{f"{unit.rstrip('s')}s": int(number)})
