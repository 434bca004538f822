"""Working the register: find, look at, and dispose of exceptions.

Belongs here: filters, lists, one exception with its history, acts of people in one transaction. Does not: which acts are possible
(dispositions), how things are shown (cli_exceptions).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import sqlalchemy as sa

from finance_sync.errors import OperationsError
from finance_sync.exceptions import history, tables
from finance_sync.exceptions.dispositions import Disposition, dispose
from finance_sync.exceptions.history import Act
from finance_sync.exceptions.rules import SEVERITIES
from finance_sync.exceptions.tables import LIFE, Status
from finance_sync.operations import Operations
from finance_sync.operations.amounts import at_least, largest_first

UNSETTLED: tuple[Status, ...] = ("open", "assigned", "explained", "waived")
_ID_LENGTH = 32
_LEAST_PREFIX = 6


@dataclass(frozen=True)
class Filter:
    """Which exceptions. Values of one field are alternatives; fields narrow each other down.

    Attributes:
        ids: exception_id, or its beginning (six characters or more).
        control, entity, period, status, severity, owner, assignee: exact values; no status means all that are not resolved.
        key: part of the business key.
        min_age, max_age: days since it was opened.
        min_amount, max_amount: at risk, group currency; what has no amount passes neither.
        overdue: past its deadline and without an answer.
        escalated: somebody above was told.
    """

    ids: Sequence[str] = ()
    control: Sequence[str] = ()
    entity: Sequence[str] = ()
    period: Sequence[str] = ()
    status: Sequence[str] = ()
    severity: Sequence[str] = ()
    owner: Sequence[str] = ()
    assignee: Sequence[str] = ()
    key: str | None = None
    min_age: int | None = None
    max_age: int | None = None
    min_amount: Decimal | None = None
    max_amount: Decimal | None = None
    overdue: bool = False
    escalated: bool = False

    def is_empty(self) -> bool:
        """Nothing narrows the choice down."""
        return self == Filter()


@dataclass(frozen=True)
class Page:
    """Rows of a list.

    Attributes:
        rows: tables.COLUMNS and ``age_days``, worst first.
        total: how many there are.
        amount_group: their amount at risk, group currency, all of them.
        without_amount: how many of all have none.
    """

    rows: pl.DataFrame
    total: int
    amount_group: Decimal
    without_amount: int

    @property
    def truncated(self) -> bool:
        """There are more than the page shows."""
        return self.total > self.rows.height


@dataclass(frozen=True)
class Done:
    """What an act came to.

    Attributes:
        changed: exception_ids.
        refused: exception_id -> why it does not suit.
        stale: exception_ids that somebody else, or a run, has changed since they were looked at.
    """

    changed: tuple[str, ...]
    refused: Mapping[str, str]
    stale: tuple[str, ...] = ()


def find(operations: Operations, wanted: Filter, day: date, *, limit: int | None = 50) -> Page:
    """Exceptions that a filter asks for: worst severity first, then the largest amount.

    Args:
        operations: the database.
        wanted: the filter.
        day: business date that ages are counted to.
        limit: at most so many rows; None is all.

    Raises:
        OperationsError: the filter names a status or severity that does not exist, or too short an id.
    """
    register, where = tables.register, _where(wanted, day, operations.dialect)
    rank = sa.case({name: index for index, name in enumerate(SEVERITIES)}, value=register.c.severity, else_=9)
    order = [
        rank.desc(),
        *largest_first(register.c.amount_group, operations.dialect),
        register.c.exception_id,
    ]
    with operations.reading() as connection:
        rows = tables.read_frame(connection, sa.select(register).where(where).order_by(*order).limit(limit))
        if limit is None or rows.height < limit:
            amounts = rows.select("amount_group")
        else:
            amounts = tables.read_frame(connection, sa.select(register.c.amount_group).where(where))
    total = amounts.height
    age = (pl.lit(day) - pl.col("opened_on")).dt.total_days().alias("age_days")
    amount = amounts["amount_group"].sum() or Decimal(0)
    return Page(rows.with_columns(age), total, Decimal(amount), amounts["amount_group"].null_count())


def look(operations: Operations, exception_id: str) -> tuple[dict[str, Any], pl.DataFrame]:
    """One exception and its history, oldest first.

    Raises:
        OperationsError: there is none, or the beginning of an id fits several.
    """
    with operations.reading() as connection:
        rows = tables.read_frame(
            connection, sa.select(tables.register).where(_by_id([exception_id])).limit(2)
        )
        if rows.is_empty():
            raise OperationsError(
                f"no exception {exception_id!r} in the register",
                remedy="look for it with `finance-sync exceptions list --all`",
            )
        if rows.height > 1:
            raise OperationsError(
                f"several exceptions begin with {exception_id!r}", remedy="give more of the id"
            )
        known = rows.row(0, named=True)
        entries = tables.read_frame(
            connection,
            sa.select(tables.history)
            .where(tables.history.c.exception_id == known["exception_id"])
            .order_by(tables.history.c.seq),
            tables.HISTORY,
        )
    return known, entries


def work(
    operations: Operations,
    wanted: Filter,
    disposition: Disposition,
    act: Act,
    today: Mapping[str, date],
    *,
    expected: Mapping[str, int] | None = None,
    dry_run: bool = False,
) -> Done:
    """Do something to every exception that a filter asks for, in one transaction.

    Args:
        operations: the database.
        wanted: which.
        disposition: what.
        act: who and when.
        today: which day it is by entity; key "" for others.
        expected: exception_id -> version that was looked at: only these are touched, and those whose version has moved are left
            alone and named as stale. None acts on what the filter finds now.
        dry_run: say what would come of it, change nothing.

    Returns:
        Done.

    Raises:
        OperationsError: the act is not complete, or nothing fits the filter.
    """
    disposition.check()
    where = _where(wanted, act.business_date, operations.dialect)
    with operations.reading() if dry_run else operations.writing() as connection:
        rows = tables.read_frame(connection, sa.select(tables.register).where(where))
        stale: tuple[str, ...] = ()
        if expected is not None:
            rows, stale = _as_expected(rows, expected)
        elif rows.is_empty():
            raise OperationsError(
                "no exception fits the filter", remedy="look with `finance-sync exceptions list`"
            )
        outcome = dispose(rows, disposition, act, today)
        if not dry_run:
            tables.update(operations, connection, outcome.changed, list(LIFE))
            history.append(operations, connection, outcome.events, act)
    return Done(tuple(outcome.changed["exception_id"].to_list()), dict(outcome.refused.iter_rows()), stale)


def _as_expected(rows: pl.DataFrame, expected: Mapping[str, int]) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Rows in the version that was looked at, and those expected that are not so any more."""
    versions = pl.DataFrame(
        {"exception_id": list(expected), "expected": list(expected.values())},
        schema={"exception_id": pl.String, "expected": pl.Int64},
    )
    same = rows.join(versions, on="exception_id").filter(pl.col("version") == pl.col("expected"))
    stale = versions.join(same, on="exception_id", how="anti")["exception_id"].to_list()
    return same.drop("expected"), tuple(stale)


def _by_id(ids: Sequence[str]) -> sa.ColumnElement[bool]:
    column = tables.register.c.exception_id
    whole = [text.strip().lower() for text in ids if len(text.strip()) == _ID_LENGTH]
    parts = [text.strip().lower() for text in ids if len(text.strip()) != _ID_LENGTH]
    for part in parts:
        if len(part) < _LEAST_PREFIX or len(part) > _ID_LENGTH or not part.isalnum():
            raise OperationsError(
                f"{part!r} is no id of an exception",
                remedy=f"give its {_ID_LENGTH} characters, or the first {_LEAST_PREFIX} or more of them",
            )
    return sa.or_(column.in_(whole), *(column.startswith(part, autoescape=True) for part in parts))


def _where(wanted: Filter, day: date, dialect: str) -> sa.ColumnElement[bool]:
    c = tables.register.c
    for name, known in (("status", tables.STATUSES), ("severity", SEVERITIES)):
        for value in getattr(wanted, name):
            if value not in known:
                raise OperationsError(f"{value!r} is no {name}", remedy=f"one of {', '.join(known)}")
    statuses = wanted.status or (() if wanted.ids else UNSETTLED)
    parts: list[sa.ColumnElement[bool]] = []
    if wanted.ids:
        parts.append(_by_id(wanted.ids))
    named = {
        c.control_id: [value.upper() for value in wanted.control], c.legal_entity_id: wanted.entity,
        c.fiscal_period_id: wanted.period, c.status: statuses, c.severity: wanted.severity, c.owner: wanted.owner,
        c.assignee: wanted.assignee,
    }  # fmt: skip
    parts += [column.in_(list(values)) for column, values in named.items() if values]
    if wanted.key:
        parts.append(c.business_key.contains(wanted.key, autoescape=True))
    if wanted.min_age is not None:
        parts.append(c.opened_on <= day - timedelta(days=wanted.min_age))
    if wanted.max_age is not None:
        parts.append(c.opened_on >= day - timedelta(days=wanted.max_age))
    if wanted.min_amount is not None:
        parts.append(at_least(c.amount_group, wanted.min_amount, dialect))
    if wanted.max_amount is not None:
        above = sa.and_(
            at_least(c.amount_group, wanted.max_amount, dialect), c.amount_group != wanted.max_amount
        )
        parts += [c.amount_group.is_not(None), sa.not_(above)]
    if wanted.overdue:
        parts += [c.status.in_(["open", "assigned"]), c.deadline_on < day, c.gone_on.is_(None)]
    if wanted.escalated:
        parts += [c.status.in_(["open", "assigned"]), c.escalation_level > 0]
    return sa.and_(sa.true(), *parts)
