"""A night's step: what the marts list, taken into the register in one transaction.

Belongs here: reading the marts, calling life, writing what changes. Does not: the rules (life, rules), when it runs
(orchestration).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from finance_sync.exceptions import history, tables
from finance_sync.exceptions.history import Act
from finance_sync.exceptions.life import FOUND, Night, advance
from finance_sync.exceptions.rules import Rules
from finance_sync.exceptions.tables import AMOUNT
from finance_sync.operations import Operations
from finance_sync.warehouse.build import built_generation
from finance_sync.warehouse.engine import Warehouse

ACTOR = "finance-sync"
_RENAMED = {"finding": "status"}


@dataclass(frozen=True)
class Listed:
    """What the marts of one build say.

    Attributes:
        generation: id of the build.
        found: life.FOUND, one row per exception.
        judged: (legal_entity_id, fiscal_period_id) that the build made anew.
        not_applicable: controls that the deployment cannot judge.
    """

    generation: str
    found: pl.DataFrame
    judged: pl.DataFrame
    not_applicable: frozenset[str]


@dataclass(frozen=True)
class Synced:
    """What a sync did.

    Attributes:
        counts: how many of each event of the history: opened, returned, gone, reopened, changed, severity, escalated.
        live: exceptions that are there, whatever was said about them.
        waiting: those of them that are open or assigned.
        overdue: those of them past their deadline.
    """

    counts: dict[str, int] = field(default_factory=dict)
    live: int = 0
    waiting: int = 0
    overdue: int = 0


def read_marts(warehouse: Warehouse) -> Listed:
    """Read the exceptions of the marts as they stand in the warehouse."""
    columns = ", ".join(
        f"{_RENAMED[name]} as {name}" if name in _RENAMED else name for name in FOUND if name != "aspect"
    )
    found = warehouse.query(f"select {columns}, coalesce(aspect, '') as aspect from marts.mart_exceptions")
    frame = pl.DataFrame(pl.from_arrow(found))
    judged = warehouse.query("select legal_entity_id, fiscal_period_id from meta.build_scope")
    results = warehouse.query(
        "select distinct control_id, status from marts.mart_control_results"
    ).to_pylist()
    return Listed(
        built_generation(warehouse),
        as_found(frame),
        pl.DataFrame(pl.from_arrow(judged)),
        frozenset(row["control_id"] for row in results if row["status"] == "not_applicable"),
    )


def as_found(frame: pl.DataFrame) -> pl.DataFrame:
    """A frame in the types of life.FOUND: exact amounts, plain texts."""
    plain = [
        pl.col(name).cast(AMOUNT)
        if kind == "amount"
        else pl.col(name).cast(pl.Date)
        if kind == "date"
        else pl.col(name).cast(pl.String).str.replace_all("\x00", "", literal=True)
        for name, kind in FOUND.items()
    ]
    return frame.select(plain)


def sync(
    operations: Operations,
    listed: Listed,
    rules: Rules,
    *,
    run_id: str,
    business_date: date,
    now: datetime,
    whole: Collection[str] = (),
    unjudged: Collection[str] = (),
    closing: bool = True,
) -> Synced:
    """Take what the marts list into the register, whole or not at all.

    Args:
        operations: the database.
        listed: the marts.
        rules: of the day.
        run_id: the run; named by what it opens and closes.
        business_date: of the run.
        now: this moment, with a zone.
        whole: controls that every build makes anew for all periods.
        unjudged: controls that could not be judged, beside those that are not applicable: nothing of theirs is closed.
        closing: False when the run's figures are not to be relied on: what is found is taken in, nothing is closed.

    Returns:
        What changed. The same build once more changes nothing.

    Raises:
        OperationsError: another writer holds the database for too long.
    """
    act = Act(ACTOR, now, business_date, run_id)
    with operations.writing() as connection:
        night = Night(
            run_id, business_date, _is_new(connection, listed.generation), closing, listed.judged, frozenset(whole),
            listed.not_applicable | frozenset(unjudged),
        )  # fmt: skip
        known = _known(operations, connection, listed.found)
        changes = advance(known, listed.found, night, rules)
        tables.insert(operations, connection, tables.register, changes.inserted)
        tables.update(
            operations,
            connection,
            changes.updated,
            [name for name in changes.updated.columns if name != "exception_id"],
        )
        _sighted(operations, connection, changes.seen, night)
        history.append(operations, connection, changes.events, act)
        if night.sighting:
            connection.execute(
                sa.insert(tables.runs).values(
                    generation=listed.generation, run_id=run_id, business_date=business_date, at=act.at_text
                )
            )
        return Synced(changes.counts, **_standing(connection, business_date))


def _is_new(connection: Connection, generation: str) -> bool:
    found = connection.execute(sa.select(tables.runs.c.run_id).where(tables.runs.c.generation == generation))
    return found.first() is None


def _known(operations: Operations, connection: Connection, found: pl.DataFrame) -> pl.DataFrame:
    """Rows that are there, and those gone that are listed again."""
    tables.stage(operations, connection, "staged_found", found.select("exception_id"))
    listed = sa.table("staged_found", sa.column("exception_id"))
    register = tables.register
    there = sa.or_(
        register.c.gone_on.is_(None), register.c.exception_id.in_(sa.select(listed.c.exception_id))
    )
    return tables.read_frame(connection, sa.select(register).where(there))


def _sighted(operations: Operations, connection: Connection, seen: pl.DataFrame, night: Night) -> None:
    """Found again: the only thing that a quiet night writes, so no row's version moves."""
    if seen.is_empty():
        return
    tables.stage(operations, connection, "staged_seen", seen)
    listed = sa.table("staged_seen", sa.column("exception_id"))
    register = tables.register
    connection.execute(
        sa.update(register)
        .where(register.c.exception_id.in_(sa.select(listed.c.exception_id)))
        .values(
            last_seen_on=night.business_date,
            last_seen_run=night.run_id,
            times_seen=register.c.times_seen + 1,
        )
    )


def _standing(connection: Connection, day: date) -> dict[str, int]:
    register = tables.register
    waits = register.c.status.in_(["open", "assigned"])
    row = connection.execute(
        sa.select(
            sa.func.count(),
            sa.func.coalesce(sa.func.sum(sa.case((waits, 1), else_=0)), 0),
            sa.func.coalesce(
                sa.func.sum(sa.case((sa.and_(waits, register.c.deadline_on < day), 1), else_=0)), 0
            ),
        ).where(register.c.gone_on.is_(None))
    ).one()
    return {"live": int(row[0]), "waiting": int(row[1]), "overdue": int(row[2])}
