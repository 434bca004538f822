"""Judging: the suites on the warehouse, and what their verdicts mean for controls and for the run.

Belongs here: outcome, severity and blocking of each check. Does not: the suites' content (generate,
expectations/), how GX is driven (gx), the figures (measure), where judging runs (process, worker).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from finance_sync.catalog.product import canonical_objects, controls
from finance_sync.controls.connection import ConnectionInfo, Reader
from finance_sync.controls.connection import connection_info as settings_connection
from finance_sync.controls.gx import Judge, Verdict, one_line
from finance_sync.controls.measure import ZERO, Measure, describe, measure_control, measure_shape
from finance_sync.controls.results import ENGINEERS, CheckResult, Outcome
from finance_sync.controls.suites import Check, load_checks
from finance_sync.errors import WarehouseError
from finance_sync.settings import Settings

_NEW_ROWS = "select * from {table} where {column} in (select batch_id from meta.batch where is_new)"
_REBUILD = "Look at the last build of the model and its message; build it again and judge again."
_MEND = (
    "Mend the model, or the staging model that feeds it, and build it again; do not trust what depends on it."
)


@dataclass(frozen=True)
class _Situation:
    """What the warehouse says about this build.

    Attributes:
        not_applicable: control -> why it is not applicable in this deployment.
        unfed: canonical objects that no source system feeds.
        new_batches: batches that this build read for the first time (all of them when everything is loaded
            anew).
        known_batches: batches there are.
        group_currency: ISO code, or empty.
    """

    not_applicable: Mapping[str, str]
    unfed: frozenset[str]
    new_batches: int
    known_batches: int
    group_currency: str

    @property
    def only_new(self) -> bool:
        """The build read new batches only, not all of them."""
        return self.new_batches < self.known_batches


def judge(
    settings: Settings,
    *,
    areas: Iterable[str] | None = None,
    as_of: date,
    connection_info: ConnectionInfo | None = None,
) -> list[CheckResult]:
    """Run the suites on the warehouse, in this process (`process.JudgeProcess` runs them in another).

    Args:
        settings: where the suites and the warehouse are.
        areas: control areas, ``canonical`` or ``marts``; None judges everything.
        as_of: business date of the run.
        connection_info: address of the warehouse; None takes the settings', read-only.

    Returns:
        One result per check, in the order of the suites. What is wrong with the warehouse is an outcome
        ``error``, not an exception.

    Raises:
        FinanceSyncError: an area or a suite does not exist.
    """
    checks = load_checks(settings.expectations_dir, areas)
    return judge_checks(checks, as_of=as_of, connection=connection_info or settings_connection(settings))


def judge_checks(checks: Sequence[Check], *, as_of: date, connection: ConnectionInfo) -> list[CheckResult]:
    """Judge the given checks; see judge."""
    import sqlalchemy

    try:
        with Reader(connection) as reader:
            situation = _read_situation(reader)
            with Judge(connection) as gx:
                return _Bench(reader, gx, situation, as_of).results(checks)
    except (sqlalchemy.exc.SQLAlchemyError, WarehouseError) as error:
        text = f"the warehouse cannot be read, or does not say what was built: {one_line(error)}"
        return [_unjudged(check, as_of, "error", text) for check in checks]


def _read_situation(reader: Reader) -> _Situation:
    batches = reader.rows(
        "select count(*) as known, count(case when is_new then 1 end) as new from meta.batch"
    )[0]
    fed = {row["canonical_object"] for row in reader.rows("select distinct canonical_object from meta.feed")}
    applicability = reader.rows("select control_id, reason from meta.applicability where not is_applicable")
    run = reader.rows("select group_currency from meta.run")
    return _Situation(
        not_applicable={
            row["control_id"]: row["reason"] or "what it compares is not fed" for row in applicability
        },
        unfed=frozenset(set(canonical_objects()) - fed),
        new_batches=int(batches["new"]),
        known_batches=int(batches["known"]),
        group_currency=str(run[0]["group_currency"] or "") if run else "",
    )


class _Bench:
    """One judging: every table is read once, whatever the number of its checks."""

    def __init__(self, reader: Reader, gx: Judge, situation: _Situation, as_of: date) -> None:
        self._reader = reader
        self._gx = gx
        self._situation = situation
        self._as_of = as_of

    def results(self, checks: Sequence[Check]) -> list[CheckResult]:
        """One result per check, in their order."""
        tables: dict[tuple[str, str], list[Check]] = {}
        for check in checks:
            tables.setdefault((check.schema, check.asset), []).append(check)
        found = {
            result.check_name: result for group in tables.values() for result in self._judge_table(group)
        }
        return [found[check.check_name] for check in checks]

    def _judge_table(self, checks: Sequence[Check]) -> list[CheckResult]:
        first = checks[0]
        table = f"{first.schema}.{first.asset}"
        reason = self._not_applicable(first)
        if reason:
            return [self._result(check, "not_applicable", f"Not applicable: {reason}.") for check in checks]
        if not self._reader.exists(first.schema, first.asset):
            text = f"table {table} does not exist: the model {first.asset} was not built"
            return [_unjudged(check, self._as_of, "error", text) for check in checks]

        query = None
        if first.batch_column is not None and self._situation.only_new:
            query = _NEW_ROWS.format(table=table, column=first.batch_column)
        source = f"({query})" if query else table
        try:
            rows = int(self._reader.rows(f"select count(*) as n from {source} as judged")[0]["n"])
        except self._reader.error as error:
            return [_unjudged(check, self._as_of, "error", f"{table}: {one_line(error)}") for check in checks]
        if query and not rows:
            text = "Not applicable: no row of a batch that is new in this build."
            return [self._result(check, "not_applicable", text) for check in checks]

        judged = [
            (check, row) for check in checks for row in check.expectations if query or not _delta_only(row)
        ]
        verdicts = self._gx.validate(first.schema, first.asset, [row for _, row in judged], query=query)
        results = []
        for check in checks:
            own = [
                (row, verdict)
                for (owner, row), verdict in zip(judged, verdicts, strict=True)
                if owner is check
            ]
            results.append(self._judge_check(check, own, source, rows))
        return results

    def _not_applicable(self, check: Check) -> str:
        if check.control_id is not None:
            return self._situation.not_applicable.get(check.control_id, "")
        if check.object in self._situation.unfed:
            return f"no source system feeds {check.object}"
        if check.kind == "canonical" and not self._situation.new_batches:
            return "no batch is new in this build"
        return ""

    def _judge_check(
        self, check: Check, verdicts: Sequence[tuple[Mapping[str, Any], Verdict]], source: str, rows: int
    ) -> CheckResult:
        errors = [f"{describe(row)}: {verdict.error}" for row, verdict in verdicts if verdict.error]
        if errors:
            return _unjudged(check, self._as_of, "error", f"{check.asset}: {'; '.join(errors)}")
        broken = [row for row, verdict in verdicts if not verdict.success]
        try:
            if check.kind != "control":
                measure = measure_shape(self._reader, check, broken, source, rows)
            else:
                measure = measure_control(self._reader, check, controls()[check.control_id or ""])
        except self._reader.error as error:
            return _unjudged(
                check, self._as_of, "error", f"{check.asset} cannot be counted: {one_line(error)}"
            )
        if bool(broken) != bool(measure.rows_failed):
            # Either the suite saw no rows (as an unfit driver makes it) or the model changed in between.
            said = "fails" if broken else "passes"
            text = f"{check.asset}: the suite {said}, and SQL counts {measure.rows_failed} failing rows"
            return _unjudged(check, self._as_of, "error", text)
        outcome: Outcome = "failed" if broken else "passed"
        return self._result(check, outcome, self._sentence(check, measure), measure)

    def _sentence(self, check: Check, measure: Measure) -> str:
        what = "comparisons" if check.kind == "control" else "rows"
        if not measure.rows_failed:
            return f"{measure.rows_compared:,} {what}, none fails."
        text = f"{measure.rows_failed:,} of {measure.rows_compared:,} {what} fail"
        if check.kind != "control":
            return f"{text}."
        if measure.rows_without_amount == measure.rows_failed:
            return f"{text}; none has an amount."
        text += f", {measure.amount_group:,.2f} {self._situation.group_currency} at risk".rstrip()
        if measure.rows_without_amount:
            text += f"; the amount of {measure.rows_without_amount:,} is not known"
        return f"{text}."

    def _result(
        self, check: Check, outcome: Outcome, message: str, measure: Measure | None = None
    ) -> CheckResult:
        measure = measure or Measure(rows_compared=0)
        control = controls()[check.control_id] if check.kind == "control" and check.control_id else None
        return CheckResult(
            check_name=check.check_name,
            kind=check.kind,
            area=check.area,
            control_id=check.control_id,
            asset=check.asset,
            outcome=outcome,
            severity=measure.severity if outcome == "failed" else None,
            blocking=outcome == "failed" and is_blocking(check, critical=measure.severity == "critical"),
            rows_compared=measure.rows_compared,
            rows_failed=measure.rows_failed,
            rows_without_amount=measure.rows_without_amount,
            amount_group=measure.amount_group,
            group_currency=self._situation.group_currency,
            by_reason=measure.by_reason,
            sample=measure.sample,
            sample_truncated=measure.sample_truncated,
            owner=control.owner if control else ENGINEERS,
            remedy=control.remedy if control else _MEND,
            description=describe_check(check),
            message=message,
            error="",
            as_of=self._as_of,
        )


def is_blocking(check: Check, *, critical: bool) -> bool:
    """Whether nothing that depends on the asset may go on when the check fails (or cannot be judged).

    Broken shape always blocks. A control blocks when the controls table says so and its worst row is critical
    (SPEC 8).
    """
    if check.kind != "control":
        return True
    return controls()[check.control_id or ""].blocking and critical


def describe_check(check: Check) -> str:
    """What a check compares, for people."""
    if check.kind == "control":
        return controls()[check.control_id or ""].compares
    return f"{check.schema}.{check.asset}: {'; '.join(describe(row) for row in check.expectations)}."


def _delta_only(expectation: Mapping[str, Any]) -> bool:
    return bool(expectation["meta"].get("delta_only"))


def _unjudged(check: Check, as_of: date, outcome: Outcome, error: str) -> CheckResult:
    """A check that could not be evaluated: neither passed nor failed, and the engineers' to mend."""
    return CheckResult(
        check_name=check.check_name,
        kind=check.kind,
        area=check.area,
        control_id=check.control_id,
        asset=check.asset,
        outcome=outcome,
        severity=None,
        blocking=is_blocking(check, critical=True),
        rows_compared=0,
        rows_failed=0,
        rows_without_amount=0,
        amount_group=ZERO,
        group_currency="",
        by_reason=(),
        sample=(),
        sample_truncated=False,
        owner=ENGINEERS,
        remedy=_REBUILD,
        description=describe_check(check),
        message=f"Could not be judged: {error}.",
        error=error,
        as_of=as_of,
    )
