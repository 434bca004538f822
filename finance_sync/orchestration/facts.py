"""How outcomes look in Dagster: the labels of metadata, and reading them back.

A run's event log is the one record of what the run did: the UI shows it, and the summary is made from it.

Belongs here: the labels. Does not: when they are written (steps), formats (text), the summary itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from finance_sync.orchestration.text import markdown_table

# Labels, as people see them.
STATE = "state"
STANDS = "stands as it was: nothing new"
ROWS, REJECTED, UNCHANGED, DELETED = (
    "rows landed",
    "rows rejected",
    "rows seen before",
    "rows gone at the source",
)
BATCH, WATERMARK, DATA_AS_OF, SECONDS = "batch", "watermark", "data as of", "seconds"
NEW_COLUMNS = "columns that the contract does not know"
REJECTS = "rejected records (sample)"
ERROR, REMEDY, OWNER = "error", "what to do", "owner"
OUTCOME, CONTROL, KIND = "outcome", "control", "kind of check"
COMPARED, FAILED, AMOUNT, UNVALUED = (
    "rows compared",
    "exceptions",
    "amount at risk",
    "exceptions without amount",
)
SEVERITY, BLOCKING, REASONS = "severity", "blocks publication", "by reason"
SAMPLE, TRUNCATED = "sample", "sample is"
VERSION, PATH, TABLES = "version", "path", "rows by relation"
TESTS, REBUILT = "tests passed", "rebuilt from nothing"
SUMMARY = "summary"
REPORT_FILE, REPORT_ERROR = "report", "report not written"

BLOCKED_BY = "publication stopped by"

# Checks that are not of the suites.
LANDED_CHECK = "landed"
TESTS_CHECK = "dbt_tests"
GATE_CHECK = "publication_gate"

# Steps, and how the summary calls them.
LAND_STEP, JUDGE_STEP, PUBLISH_STEP, REPORT_STEP = "land_", "judge_controls", "publish_marts", "report_run"
REGISTER_STEP = "sync_register"
# What a night did to the register: the counts of its events, and what stands.
REGISTER_COUNTS = (
    "opened", "returned", "gone", "reopened", "changed", "severity", "escalated", "live", "waiting", "overdue",
)  # fmt: skip
PHASES = {
    "build_canonical": "canonical",
    "build_reconciled": "reconciled and marts",
    JUDGE_STEP: "controls",
    REGISTER_STEP: "register",
    PUBLISH_STEP: "publication",
    REPORT_STEP: "report",
}


def plain(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata of an event as plain values."""
    return {
        name: value.value if isinstance(value, dg.MetadataValue) else value
        for name, value in metadata.items()
    }


def compact(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata without entries that say nothing."""
    return {name: value for name, value in metadata.items() if value not in (None, "")}


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> dg.MarkdownMetadataValue:
    """A table that the UI shows on a click; the table value of Dagster itself widens the whole page."""
    return dg.MetadataValue.md(markdown_table(columns, rows))
