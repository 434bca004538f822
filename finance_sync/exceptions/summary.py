"""Open exceptions by control, severity and owner: the overview of a run and of the command line.

Belongs here: counts and amounts from the marts, through whatever can query them. Does not: how they are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa

from finance_sync.catalog.product import controls
from finance_sync.controls.results import SEVERITY_ORDER

Query = Callable[[str], pa.Table]

# Amounts are cast so that engines agree on the type of a sum.
_EXCEPTIONS = """
select control_id, severity, owner, count(*) as exceptions,
       sum(case when amount_group is null then 1 else 0 end) as without_amount,
       cast(coalesce(sum(abs(amount_group)), 0) as numeric(38, 4)) as amount_group
from {schema}.mart_exceptions
group by control_id, severity, owner
"""
_RESULTS = """
select control_id, cast(sum(rows_compared) as bigint) as rows_compared, cast(sum(rows_failed) as bigint) as rows_failed
from {schema}.mart_control_results
group by control_id
"""


@dataclass(frozen=True)
class ExceptionLine:
    """Exceptions of one group.

    Attributes:
        key: what the group is: a control's number, a severity or an owner's queue.
        name: its name for people (a control's name; else the key).
        exceptions: how many.
        without_amount: how many of them have no amount in group currency (no rate); they count as zero in it.
        amount_group: their amount at risk, group currency, absolute.
    """

    key: str
    name: str
    exceptions: int
    without_amount: int
    amount_group: Decimal


@dataclass(frozen=True)
class ControlLine:
    """One control: comparisons made and failed (mart_control_results), beside its exceptions.

    Attributes:
        control_id: number.
        name: name.
        owner: queue.
        rows_compared: comparisons made.
        rows_failed: comparisons that failed.
        exceptions: exceptions listed in mart_exceptions.
        amount_group: amount at risk, group currency.
        worst: worst severity among the exceptions; empty when there are none.
    """

    control_id: str
    name: str
    owner: str
    rows_compared: int
    rows_failed: int
    exceptions: int
    amount_group: Decimal
    worst: str


@dataclass(frozen=True)
class ExceptionSummary:
    """The overview.

    Attributes:
        total: all exceptions.
        by_control: one line per control of the controls table, in its order, exceptions or not.
        by_severity: worst first; severities without exceptions are left out.
        by_owner: largest amount first.
    """

    total: ExceptionLine
    by_control: tuple[ControlLine, ...]
    by_severity: tuple[ExceptionLine, ...]
    by_owner: tuple[ExceptionLine, ...]


def summarise(query: Query, *, schema: str = "marts") -> ExceptionSummary:
    """Summarise the exceptions of the marts.

    Args:
        query: runs one SELECT and gives an Arrow table: a warehouse's ``query``, or a reader of the published marts.
        schema: where the marts are.

    Returns:
        Exact counts and amounts (SPEC 8).

    Raises:
        Exception: whatever ``query`` raises, e.g. when the marts were never built.
    """
    groups: list[dict[str, Any]] = query(_EXCEPTIONS.format(schema=schema)).to_pylist()
    compared = {row["control_id"]: row for row in query(_RESULTS.format(schema=schema)).to_pylist()}
    by_control = {line.key: line for line in _lines(groups, "control_id")}
    severities = sorted(_lines(groups, "severity"), key=lambda line: -_rank(line.key))
    return ExceptionSummary(
        total=_line("all", groups),
        by_control=tuple(
            _control_line(control_id, compared.get(control_id, {}), by_control.get(control_id), groups)
            for control_id in [*controls(), *sorted(set(by_control) - set(controls()))]
        ),
        by_severity=tuple(severities),
        by_owner=tuple(sorted(_lines(groups, "owner"), key=lambda line: (-line.amount_group, line.key))),
    )


def _control_line(
    control_id: str,
    compared: Mapping[str, Any],
    line: ExceptionLine | None,
    groups: Iterable[Mapping[str, Any]],
) -> ControlLine:
    control = controls().get(control_id)
    own = [str(row["severity"]) for row in groups if row["control_id"] == control_id]
    return ControlLine(
        control_id=control_id,
        name=control.name if control else control_id,
        owner=control.owner if control else "",
        rows_compared=int(compared.get("rows_compared") or 0),
        rows_failed=int(compared.get("rows_failed") or 0),
        exceptions=line.exceptions if line else 0,
        amount_group=line.amount_group if line else Decimal(0),
        worst=max(own, key=_rank, default=""),
    )


def _lines(groups: Iterable[Mapping[str, Any]], column: str) -> list[ExceptionLine]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in groups:
        found.setdefault(str(row[column] or ""), []).append(row)
    return [_line(key, rows) for key, rows in found.items()]


def _line(key: str, rows: Iterable[Mapping[str, Any]]) -> ExceptionLine:
    rows = list(rows)
    control = controls().get(key)
    return ExceptionLine(
        key=key,
        name=control.name if control else key,
        exceptions=sum(int(row["exceptions"]) for row in rows),
        without_amount=sum(int(row["without_amount"]) for row in rows),
        amount_group=sum((Decimal(row["amount_group"]) for row in rows), Decimal(0)),
    )


def _rank(severity: str) -> int:
    """Position of a severity; an unknown one is the worst, so that it is seen."""
    order = list(SEVERITY_ORDER)
    return order.index(severity) if severity in order else len(order)  # type: ignore[arg-type]
