"""Exact counts, amounts and samples of what fails, by SQL on the same tables that the suites judge.

Belongs here: portable SQL (DuckDB, Postgres) and its exact results. Does not: the verdict (GX through gx,
judge).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from finance_sync.catalog.product import Control
from finance_sync.controls.connection import Reader
from finance_sync.controls.generate import PASSING
from finance_sync.controls.results import (
    SAMPLE_DECIMALS,
    SAMPLE_ROWS,
    SEVERITY_ORDER,
    ReasonTotal,
    SampleRow,
    SeverityName,
)
from finance_sync.controls.suites import Check

MAX_REASONS = 50  # a model whose reasons are free text must not flood a check's metadata
ZERO = Decimal(0)

_TOTALS = """
select status, reason_code, count(*) as table_rows, cast(sum(row_count) as bigint) as comparisons,
       sum(abs(amount_group)) as amount_group, max(abs(amount_group)) as largest,
       sum(case when amount_group is null then 1 else 0 end) as without_amount
from {table} group by status, reason_code
"""
_SAMPLE_COLUMNS = (
    "business_key",
    "legal_entity_id",
    "fiscal_period_id",
    "status",
    "reason_code",
    "aspect",
    "left_system",
    "left_value",
    "left_amount",
    "right_system",
    "right_value",
    "right_amount",
    "difference_amount",
    "currency_code",
    "amount_group",
    "message",
)
_SAMPLE = """
select {columns} from {table}
where status is null or status not in ({passing})
order by case when amount_group is null then 1 else 0 end, abs(amount_group) desc, business_key, aspect
limit {limit}
"""


@dataclass(frozen=True)
class Measure:
    """Totals of one check. Fields as in results.CheckResult."""

    rows_compared: int
    rows_failed: int = 0
    rows_without_amount: int = 0
    amount_group: Decimal = ZERO
    severity: SeverityName | None = None
    by_reason: tuple[ReasonTotal, ...] = ()
    sample: tuple[SampleRow, ...] = ()

    @property
    def sample_truncated(self) -> bool:
        """There are more failing rows than the sample shows."""
        return self.rows_failed > len(self.sample)


def measure_control(reader: Reader, check: Check, control: Control) -> Measure:
    """Comparisons made, failing rows, amount at risk by reason, and the largest of them (SPEC 7, 8).

    Args:
        reader: connection to the warehouse.
        check: the control's check; names the reconciled model.
        control: its row in the controls table: words of the reasons, thresholds of severity.

    Returns:
        Exact figures. Amounts are absolute, in group currency.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the model lacks a column that reconciled models must have.
    """
    table = f"{check.schema}.{check.asset}"
    groups = reader.rows(_TOTALS.format(table=table))
    failing = [row for row in groups if row["status"] not in PASSING]
    reasons = [_reason(row, control) for row in failing]
    reasons.sort(key=lambda row: (-row.amount_group, -row.rows, row.status, row.reason_code))
    largest = max((row["largest"] for row in failing if row["largest"] is not None), default=ZERO)
    return Measure(
        rows_compared=sum(int(row["comparisons"] or 0) for row in groups),
        rows_failed=sum(row.rows for row in reasons),
        rows_without_amount=sum(int(row["without_amount"]) for row in failing),
        amount_group=sum((row.amount_group for row in reasons), ZERO),
        severity=severity_of(Decimal(largest), control) if failing else None,
        by_reason=tuple(reasons[:MAX_REASONS]),
        sample=_control_sample(reader, table) if failing else (),
    )


def severity_of(amount: Decimal, control: Control) -> SeverityName:
    """Severity of an amount at risk: the last threshold not above it (group currency)."""
    reached = [row.severity for row in control.severities if row.from_amount <= abs(amount)]
    return max(reached, key=SEVERITY_ORDER.index, default="low")


def _reason(row: Mapping[str, Any], control: Control) -> ReasonTotal:
    code = row["reason_code"] or ""
    known = control.reasons.get(code)
    return ReasonTotal(
        status=row["status"] or "",
        reason_code=code,
        text=known.text if known else "Not a reason of the controls table.",
        rows=int(row["table_rows"]),
        amount_group=Decimal(row["amount_group"] or 0),
    )


def _control_sample(reader: Reader, table: str) -> tuple[SampleRow, ...]:
    passing = ", ".join(f"'{status}'" for status in PASSING)
    sql = _SAMPLE.format(columns=", ".join(_SAMPLE_COLUMNS), table=table, passing=passing, limit=SAMPLE_ROWS)
    return tuple(_sample_row(row) for row in reader.rows(sql))


def _sample_row(row: Mapping[str, Any]) -> SampleRow:
    values: dict[str, Any] = {
        name: value if name in SAMPLE_DECIMALS else str(value or "") for name, value in row.items()
    }
    return SampleRow(**values)


def measure_shape(
    reader: Reader, check: Check, broken: Sequence[Mapping[str, Any]], source: str, rows_compared: int
) -> Measure:
    """Rows that break the shape of a table, per broken expectation.

    Args:
        reader: connection to the warehouse.
        check: a technical, canonical or marts check.
        broken: its expectations that GX found broken.
        source: table, or subquery of the rows that were judged.
        rows_compared: number of those rows.

    Returns:
        Exact counts; a row that breaks two expectations counts once in ``rows_failed``. There is no amount at
        risk.
    """
    if not broken:
        return Measure(rows_compared=rows_compared)
    predicates = [(describe(expectation), _predicate(expectation, source)) for expectation in broken]
    counts = ", ".join(
        f"cast(sum(case when {sql} then 1 else 0 end) as bigint) as n{index}"
        for index, (_, sql) in enumerate(predicates)
    )
    anywhere = " or ".join(f"({sql})" for _, sql in predicates)
    totals = reader.rows(f"select count(*) as failed, {counts} from {source} as judged where {anywhere}")[0]
    reasons = tuple(
        ReasonTotal(text, "", f"Broken: {text}", int(totals[f"n{index}"] or 0), ZERO)
        for index, (text, _) in enumerate(predicates)
    )
    return Measure(
        rows_compared=rows_compared,
        rows_failed=int(totals["failed"]),
        severity="critical",
        by_reason=reasons,
        sample=_shape_sample(reader, check, source, anywhere),
    )


def _shape_sample(reader: Reader, check: Check, source: str, where: str) -> tuple[SampleRow, ...]:
    key = " || '|' || ".join(f"coalesce(cast({column} as varchar), '')" for column in check.key)
    sql = f"select {key} as business_key from {source} as judged where {where} order by 1 limit {SAMPLE_ROWS}"
    return tuple(SampleRow(business_key=row["business_key"]) for row in reader.rows(sql))


def describe(expectation: Mapping[str, Any]) -> str:
    """An expectation in a few words, e.g. ``status is filled``."""
    kwargs = expectation["kwargs"]
    words = {
        "expect_column_values_to_not_be_null": lambda: f"{kwargs['column']} is filled",
        "expect_column_values_to_be_in_set": lambda: (
            f"{kwargs['column']} is one of {', '.join(kwargs['value_set'])}"
        ),
        "expect_column_values_to_be_unique": lambda: f"{kwargs['column']} is unique",
        "expect_compound_columns_to_be_unique": lambda: (
            f"{', '.join(kwargs['column_list'])} are unique together"
        ),
        "expect_column_values_to_be_between": lambda: f"{kwargs['column']} is at least {kwargs['min_value']}",
    }
    return words[expectation["type"]]()


def _predicate(expectation: Mapping[str, Any], source: str) -> str:
    """SQL condition of the rows that break an expectation; values come from the suites, not from data."""
    kwargs = expectation["kwargs"]
    column = kwargs.get("column", "")
    kind = expectation["type"]
    if kind == "expect_column_values_to_not_be_null":
        return f"{column} is null"
    if kind == "expect_column_values_to_be_in_set":
        values = ", ".join("'" + str(value).replace("'", "''") + "'" for value in kwargs["value_set"])
        return f"{column} not in ({values})"
    if kind == "expect_column_values_to_be_between":
        return f"{column} < {int(kwargs['min_value'])}"
    columns = ", ".join(kwargs.get("column_list", [column]))
    return f"({columns}) in (select {columns} from {source} as twin group by {columns} having count(*) > 1)"
