"""The sensor that looks into the inbox, and the job that takes filled workbooks in.

Belongs here: when, and telling Dagster. Does not: what becomes of a file (exceptions.workbook).
"""

# No postponed annotations here: Dagster reads the type of `context`.
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from finance_sync.errors import FinanceSyncError
from finance_sync.exceptions.history import Act
from finance_sync.exceptions.rules import local_days
from finance_sync.exceptions.workbook.inbox import empty_inbox, waiting
from finance_sync.operations import open_operations
from finance_sync.orchestration.site import Site

WORKBOOKS, INBOX = "workbooks", "inbox"
_EVERY_SECONDS = 30


def workbooks_job(site: Site) -> dg.JobDefinition:
    """Takes in what lies in the inbox. It needs no run's lock: writers of the register stand in line by themselves."""

    @dg.op(name="take_in_workbooks")
    def take_in_workbooks(context: dg.OpExecutionContext) -> None:
        operations = open_operations(site.settings, create=False)
        if operations is None:
            raise FinanceSyncError("there is no register yet", remedy="run `finance-sync run`")
        now = datetime.now(tz=UTC)
        act = Act(site.settings.actor_name, now, site.deployment.business_date(site.settings))
        try:
            for one in empty_inbox(
                operations, site.settings.inbox, act, local_days(site.settings, site.deployment, now)
            ):
                tell = context.log.info if one.good else context.log.warning
                tell(f"{one.name} by {one.actor}: {one.summary} -> {one.report}")
        finally:
            operations.close()

    @dg.job(
        name=WORKBOOKS,
        description="Take filled workbooks in the inbox into the register of exceptions.",
        executor_def=dg.in_process_executor,
    )
    def workbooks() -> None:
        take_in_workbooks()

    return workbooks


def inbox_sensor(site: Site, job: dg.JobDefinition) -> dg.SensorDefinition:
    """Asks for a run when files lie in the inbox that have stood still; the same files ask once."""

    @dg.sensor(
        name=INBOX,
        job=job,
        minimum_interval_seconds=_EVERY_SECONDS,
        description="Watches the data home's inbox for filled workbooks.",
        default_status=dg.DefaultSensorStatus.STOPPED,
    )
    def watch(_context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        found = waiting(site.settings.inbox)
        if not found:
            yield dg.SkipReason("nothing to take in lies in the inbox")
            return
        state = [(str(one.path), one.path.stat().st_mtime_ns) for one in found]
        yield dg.RunRequest(run_key=hashlib.sha256(repr(state).encode()).hexdigest())

    return watch
