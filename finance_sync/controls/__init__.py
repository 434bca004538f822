"""Controls: the Great Expectations suites judge what SQL compared.

Belongs here: suites, judging, and what an outcome means. Does not: the comparison itself
(dbt_project/models/reconciled), the life cycle of exceptions (exceptions). Nothing imports Great Expectations
before something is judged.
"""

from finance_sync.controls.connection import ConnectionInfo, connection_info
from finance_sync.controls.judge import judge
from finance_sync.controls.process import JudgeProcess, warm_up
from finance_sync.controls.results import CheckResult, ReasonTotal, SampleRow
from finance_sync.controls.suites import Check, load_checks

__all__ = [
    "Check",
    "CheckResult",
    "ConnectionInfo",
    "JudgeProcess",
    "ReasonTotal",
    "SampleRow",
    "connection_info",
    "judge",
    "load_checks",
    "warm_up",
]
