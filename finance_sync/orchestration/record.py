"""Reading a run's event log back as a summary.

Belongs here: from Dagster's events to the RunSummary. Does not: how it is shown (summary).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_shared.error import SerializableErrorInfo

from finance_sync.catalog import controls
from finance_sync.orchestration import facts
from finance_sync.orchestration.keys import PUBLISHED, REGISTER, REPORT, object_of
from finance_sync.orchestration.site import Site
from finance_sync.orchestration.summary import CheckLine, ObjectLine, RunSummary
from finance_sync.orchestration.text import read_amount

_KINDS = {
    dg.DagsterEventType.ASSET_MATERIALIZATION,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    dg.DagsterEventType.STEP_START,
    dg.DagsterEventType.STEP_SUCCESS,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.RUN_FAILURE,
}


def read_run(instance: dg.DagsterInstance, run_id: str, site: Site) -> RunSummary:
    """Summary of a run, as far as it has come.

    Args:
        instance: where the run is recorded.
        run_id: Dagster's id of it.
        site: deployment and data home that it ran on.
    """
    reading = _Reading()
    for entry in instance.all_logs(run_id, of_type=_KINDS):
        if entry.dagster_event is not None:
            reading.take(entry.dagster_event, entry.timestamp)
    return reading.summary(run_id, site)


def with_report(summary: RunSummary, found: Mapping[str, Any]) -> RunSummary:
    """A summary that knows what became of the report.

    Args:
        summary: of the run.
        found: plain metadata of the report's asset.
    """
    path, error = found.get(facts.REPORT_FILE), found.get(facts.REPORT_ERROR)
    return dataclasses.replace(
        summary,
        report=Path(str(path)) if path else summary.report,
        technical=(*summary.technical, f"the report could not be written: {error}")
        if error
        else summary.technical,
    )


class _Reading:
    """What has been read so far."""

    def __init__(self) -> None:
        self.objects: list[ObjectLine] = []
        self.checks: list[CheckLine] = []
        self.models: set[dg.AssetKey] = set()
        self.standing: set[dg.AssetKey] = set()
        self.rebuilt: dict[str, str] = {}
        self.technical: list[str] = []
        self.blocked_by: list[str] = []
        self.seconds: dict[str, float] = {}
        self._started: dict[str, float] = {}
        self.register: dict[str, int] = {}
        self.report: dict[str, Any] = {}
        self.tests = 0
        self.version = ""
        self.unchanged = False

    def take(self, event: dg.DagsterEvent, timestamp: float) -> None:
        """One event, in order, and when it was (seconds since 1970)."""
        step = event.step_key or ""
        if event.event_type == dg.DagsterEventType.STEP_START:
            self._started[step] = timestamp
        elif event.event_type in {dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.STEP_FAILURE}:
            self._took(step, timestamp - self._started.get(step, timestamp))
        if event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION:
            materialization = event.step_materialization_data.materialization
            self._materialized(materialization.asset_key, facts.plain(materialization.metadata))
        elif event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            self._checked(event.asset_check_evaluation_data)
        if event.event_type == dg.DagsterEventType.STEP_FAILURE:
            self._step_failed(event)
        elif event.event_type == dg.DagsterEventType.RUN_FAILURE and not (
            self.technical or self.blocked_by or facts.REPORT_ERROR in self.report
        ):
            self.technical.append(event.message or "the run failed")

    def summary(self, run_id: str, site: Site) -> RunSummary:
        """The values read, with what the site says."""
        current = site.settings.publish_dir / "current"
        summary = RunSummary(
            run_id=run_id,
            title=site.deployment.title,
            business_date=site.deployment.business_date(site.settings),
            engine=site.settings.engine,
            group_currency=site.deployment.group_currency,
            home=site.settings.home,
            objects=tuple(sorted(self.objects, key=lambda line: (line.system, line.object))),
            checks=tuple(sorted(self.checks, key=lambda line: (line.control_id, line.check))),
            models=len(self.models),
            standing=len(self.standing),
            tests=self.tests,
            rebuilt=self.rebuilt,
            register=self.register,
            publication=current if current.exists() else None,
            version=self.version,
            unchanged=self.unchanged,
            blocked_by=tuple(self.blocked_by),
            technical=tuple(self.technical),
            seconds=self.seconds,
        )
        return with_report(summary, self.report)

    def _materialized(self, key: dg.AssetKey, found: Mapping[str, Any]) -> None:
        if key == PUBLISHED:
            self.version = str(found.get(facts.VERSION, ""))
            self.unchanged = found.get(facts.STATE) == "unchanged"
        elif key == REGISTER:
            self.register = {name: int(found[name]) for name in facts.REGISTER_COUNTS if name in found}
        elif key == REPORT:
            self.report = dict(found)
        elif (place := object_of(key)) is not None:
            self.objects.append(
                ObjectLine(
                    *place,
                    state="landed" if found.get(facts.STATE) == "landed" else "unchanged",
                    rows=int(found.get(facts.ROWS, 0)),
                    rejected=int(found.get(facts.REJECTED, 0)),
                    data_as_of=str(found.get(facts.DATA_AS_OF, "")),
                )
            )
        elif found.get(facts.STATE) == facts.STANDS:
            self.standing.add(key)
        else:
            self.models.add(key)
            if facts.REBUILT in found:
                self.rebuilt[key.path[0]] = str(found[facts.REBUILT])

    def _checked(self, evaluation: dg.AssetCheckEvaluation) -> None:
        found = facts.plain(evaluation.metadata)
        name, key = evaluation.check_name, evaluation.asset_key
        place = object_of(key)
        if name == facts.LANDED_CHECK and place is not None:
            if not evaluation.passed:
                error, remedy = str(found.get(facts.ERROR, "")), str(found.get(facts.REMEDY, ""))
                self.objects.append(ObjectLine(*place, state="failed", message=error, remedy=remedy))
                label = ".".join(place)
                named = error if label in error else f"{label}: {error}"
                self.technical.append(f"{named} -> {remedy}" if remedy else named)
        elif name == facts.TESTS_CHECK:
            self.tests += int(found.get(facts.TESTS, 0))
        elif name == facts.GATE_CHECK:
            self.blocked_by = (
                str(found.get(facts.BLOCKED_BY, "")).split(", ") if not evaluation.passed else []
            )
        elif facts.OUTCOME in found:
            line = _check_line(evaluation, found)
            self.checks.append(line)
            if line.outcome == "error" or (line.kind != "control" and line.outcome == "failed"):
                self.technical.append(f"check {line.check}: {line.message}")

    def _step_failed(self, event: dg.DagsterEvent) -> None:
        step = event.step_key or ""
        failure = event.step_failure_data
        if self.blocked_by and step == facts.JUDGE_STEP:
            return
        if step == facts.REPORT_STEP:
            return  # it only repeats what failed before it
        if failure.user_failure_data is not None and failure.user_failure_data.description:
            self.technical.append(failure.user_failure_data.description)
            return
        error = failure.error
        while error is not None and error.cause is not None:
            error = error.cause
        self.technical.append(f"step {step}: {_said(error) if error is not None else event.message}")

    def _took(self, step: str, seconds: float) -> None:
        phase = facts.PHASES.get(step, "landing" if step.startswith(facts.LAND_STEP) else step)
        self.seconds[phase] = self.seconds.get(phase, 0.0) + seconds


def _said(error: SerializableErrorInfo) -> str:
    """What an exception says: our own without their class, which is for programs."""
    if error.cls_name == "DagsterExecutionInterruptedError":
        return "interrupted; run it again"
    text = error.message.strip()
    head, _, rest = text.partition(": ")
    name = head.rpartition(".")[2]
    if name != error.cls_name:
        return text
    return rest if head.startswith("finance_sync.errors.") else f"{name}: {rest}"


def _check_line(evaluation: dg.AssetCheckEvaluation, found: Mapping[str, Any]) -> CheckLine:
    control = controls().get(str(found.get(facts.CONTROL, "")))
    amount, currency = read_amount(str(found.get(facts.AMOUNT, "0")))
    return CheckLine(
        check=evaluation.check_name,
        kind=str(found.get(facts.KIND, "")),
        outcome=str(found[facts.OUTCOME]),
        control_id=control.id if control else "",
        name=control.name if control else evaluation.check_name,
        exceptions=int(found.get(facts.FAILED, 0)),
        amount=amount,
        currency=currency,
        severity=str(found.get(facts.SEVERITY, "")),
        owner=str(found.get(facts.OWNER, "")),
        blocking=found.get(facts.BLOCKING) == "yes",
        message=str(found.get(facts.ERROR) or (evaluation.description or "").partition("\n")[0]),
    )
