"""Taking a filled workbook into the register: every row judged, the good ones applied, in one transaction.

Belongs here: what is asked of each row, whether it still can be, what is told of it. Does not: XLSX (read), what an act changes
(dispositions).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from finance_sync.exceptions import history, tables
from finance_sync.exceptions.dispositions import ASKED, PAST, dispose_each, lacking
from finance_sync.exceptions.history import EVENT, Act
from finance_sync.exceptions.tables import AMOUNT, LIFE
from finance_sync.exceptions.workbook.layout import (
    FILLED,
    ID,
    SHOWN,
    VERBS,
    VERSION,
    Origin,
    shown,
    unguarded,
)
from finance_sync.exceptions.workbook.read import Filled, read
from finance_sync.operations import Operations

# Outcome -> what it means; the first four leave nothing to do.
OUTCOMES = {
    "applied": "done",
    "unchanged": "it is so already",
    "untouched": "nothing was asked",
    "deleted": "the row was taken out: nothing was asked",
    "held back": "good, but other rows are not and all or nothing was asked for",
    "conflict": "changed since the export",
    "gone": "gone from the books since the export",
    "unknown": "no such exception in this workbook",
    "twice": "the exception stands in several rows",
    "changed cell": "a cell that is not to be filled in was changed",
    "formula": "a cell holds a formula or an error",
    "incomplete": "something is missing",
    "invalid": "a value is not what it must be",
    "refused": "the act does not suit",
}
GOOD = ("applied", "unchanged", "untouched", "deleted")
_ROWS = {
    "row": pl.Int64,
    ID: pl.String,
    "control_id": pl.String,
    "business_key": pl.String,
    "outcome": pl.String,
    "message": pl.String,
}
_MOST_COMMENT, _MOST_TOLD = 4000, 60
_NONE = pl.lit(None, dtype=pl.String)


@dataclass(frozen=True)
class TakenIn:
    """What became of a file.

    Attributes:
        file: its name.
        origin: of the workbook.
        rows: row (NULL: not in the sheet any more), exception_id, control_id, business_key, outcome, message: one per row of the
            sheet and per exported row that is missing from it, in the sheet's order.
    """

    file: str
    origin: Origin
    rows: pl.DataFrame

    @property
    def counts(self) -> dict[str, int]:
        """Rows by outcome, those that occur."""
        found = dict(self.rows["outcome"].value_counts().iter_rows())
        return {name: found[name] for name in OUTCOMES if name in found}

    @property
    def left(self) -> pl.DataFrame:
        """Rows that somebody must look at."""
        return self.rows.filter(~pl.col("outcome").is_in(GOOD))


def take_in(
    operations: Operations,
    path: Path,
    act: Act,
    today: Mapping[str, date],
    *,
    all_or_nothing: bool = False,
    dry_run: bool = False,
) -> TakenIn:
    """Read a workbook into the register.

    Args:
        operations: the database.
        path: the file.
        act: who and when.
        today: which day it is by entity; key "" for others.
        all_or_nothing: apply nothing when a row cannot be applied.
        dry_run: say what would come of it, change nothing.

    Returns:
        TakenIn. The same file once more changes nothing.

    Raises:
        OperationsError: the file is not a workbook of ours, or was damaged.
    """
    filled = read(path)
    asked = _parsed(filled)
    with operations.reading() if dry_run else operations.writing() as connection:
        known, comments = _known(operations, connection, asked, write=not dry_run)
        judged = _judged(asked, known, filled)
        plan = _planned(judged, known, filled.origin, comments, act, today)
        if all_or_nothing and plan.rows.filter(~pl.col("outcome").is_in(GOOD)).height:
            held = pl.col("outcome") == "applied"
            plan = _Plan(
                plan.rows.with_columns(
                    pl.when(held).then(pl.lit("held back")).otherwise("outcome").alias("outcome")
                ),
                plan.changed.clear(),
                plan.events.clear(),
            )
        if not dry_run:
            tables.update(operations, connection, plan.changed, list(LIFE))
            history.append(operations, connection, plan.events, act)
    told = _told(plan.rows, filled)
    return TakenIn(path.name, filled.origin, told)


@dataclass(frozen=True)
class _Plan:
    rows: pl.DataFrame
    changed: pl.DataFrame
    events: pl.DataFrame


def _parsed(filled: Filled) -> pl.DataFrame:
    """The sheet's rows with what is asked in its types, ``bad`` (a value is not what it must be) and ``exported_version``."""
    text = {column.name: unguarded(pl.col(column.name).str.strip_chars()) for column in FILLED}
    day = text["asked_until"].str.replace(r"[ T]00:00:00(\.0+)?$", "")
    until, limit = day.str.to_date("%Y-%m-%d", strict=False), amount(text["asked_limit"])
    verb = text["disposition"].str.to_lowercase()
    bad = (
        pl.when(verb.is_not_null() & ~verb.is_in(list(VERBS)))
        .then(pl.format("Disposition {} is none of " + ", ".join(VERBS), text["disposition"]))
        .when(day.is_not_null() & until.is_null())
        .then(
            pl.format(
                "Valid until {} is not a date: enter it as a date, or as 2026-06-30", text["asked_until"]
            )
        )
        .when(text["asked_limit"].is_not_null() & limit.is_null())
        .then(
            pl.format(
                "Limit {} is not an amount: enter a number with four decimals at most", text["asked_limit"]
            )
        )
        .otherwise(_NONE)
    )
    return filled.rows.with_columns(
        pl.col(ID).str.strip_chars(),
        bad.alias("bad"),
        verb.alias("disposition"),
        text["asked_assignee"].alias("asked_assignee"),
        pl.col("asked_reason").str.strip_chars().alias("asked_reason"),
        until.alias("asked_until"),
        limit.alias("asked_limit"),
        pl.col("asked_comment").str.strip_chars().alias("asked_comment"),
        pl.any_horizontal(pl.col(column.name).is_not_null() for column in FILLED).alias("asks"),
        (pl.col(ID).count().over(pl.col(ID).str.strip_chars()) > 1).alias("is_twice"),
    ).join(filled.exported, on=ID, how="left", maintain_order="left")


def amount(value: pl.Expr) -> pl.Expr:
    """A cell's amount: its digits; of a number that was computed, the 15 that a cell shows. NULL when it is none."""
    plain = pl.when(value.str.contains(r"^-?[0-9]{1,24}(\.[0-9]{1,4}0*)?$")).then(value)
    computed = pl.when(value.str.contains(r"^-?[0-9]{1,12}\.[0-9]{5,}$")).then(value)
    rounded = computed.cast(pl.Float64, strict=False).round_sig_figs(15).cast(pl.String)
    short = pl.when(rounded.str.contains(r"^-?[0-9]+(\.[0-9]{1,4})?$")).then(rounded)
    return pl.coalesce(plain, short).cast(AMOUNT, strict=False)


def _known(
    operations: Operations, connection: Connection, asked: pl.DataFrame, *, write: bool
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of the register that the sheet names, and comments on them (exception_id, details)."""
    register, entries = tables.register, tables.history
    if write:
        tables.stage(operations, connection, "staged_asked", asked.select(ID).drop_nulls().unique())
        listed = sa.select(sa.table("staged_asked", sa.column(ID)).c[ID])
    else:  # a reader may make no table: all of it, then
        listed = sa.select(register.c[ID])
    rows = tables.read_frame(connection, sa.select(register).where(register.c[ID].in_(listed)))
    comments = tables.read_frame(
        connection,
        sa.select(entries.c[ID], entries.c.details).where(
            entries.c.event == "commented", entries.c[ID].in_(listed)
        ),
        tables.HISTORY,
    )
    return rows.join(asked.select(ID).unique(), on=ID, how="semi"), comments


def _judged(asked: pl.DataFrame, known: pl.DataFrame, filled: Filled) -> pl.DataFrame:
    """Rows with the register's beside them and ``outcome``, ``message`` where they cannot be applied; NULL where they may."""
    origin = filled.origin
    now = shown(known, origin.day, origin.group_currency).rename(
        {column.name: f"now_{column.name}" for column in SHOWN}
    )
    rows = asked.join(now, left_on=ID, right_on=f"now_{ID}", how="left", maintain_order="left")
    said = {
        "disposition_reason": "reg_reason",
        "valid_until": "reg_until",
        "limit_group": "reg_limit",
        "disposed_amount": "reg_amount",
    }
    rows = rows.join(
        known.select(ID, VERSION, "gone_on", *said).rename(said), on=ID, how="left", maintain_order="left"
    )
    rows = rows.with_columns(_differences().alias("differs"))
    same = pl.col(VERSION) == pl.col("exported_version")
    asks = pl.col("asks")
    no_verb = pl.col("disposition").is_null() & pl.any_horizontal(
        pl.col(name).is_not_null()
        for name in ("asked_assignee", "asked_reason", "asked_until", "asked_limit")
    )
    # What is wrong with the file's own row comes first: it is what the person can mend.
    cases = (
        (pl.col(ID).is_null(), "unknown", pl.lit("the row has no exception id")),
        (pl.col(VERSION).is_null(), "unknown", pl.lit("the register has no such exception: its id was changed")),
        (pl.col("exported_version").is_null(), "unknown", pl.lit("the exception was not exported with this workbook")),
        (pl.col("is_twice"), "twice", pl.lit("the exception stands in several rows: which one counts cannot be known")),
        (pl.col("formula").is_not_null(), "formula", pl.format("a formula or an error in {}: enter the value", "formula")),
        (same & pl.col("differs").is_not_null(), "changed cell", pl.format("changed in the workbook: {}", "differs")),
        (~asks, "untouched", pl.lit("nothing was asked")),
        (pl.col("gone_on").is_not_null(), "gone", pl.format("gone from the books since {}", "gone_on")),
        (pl.col("bad").is_not_null(), "invalid", pl.col("bad")),
        (
            pl.col("asked_comment").str.len_chars() > _MOST_COMMENT,
            "invalid",
            pl.lit(f"the comment is longer than {_MOST_COMMENT} characters"),
        ),
        (no_verb, "incomplete", pl.lit("Disposition is missing: assign, explain, waive or resolve")),
        (*_needs("assign", pl.col("asked_assignee").is_null()), pl.lit("Assign to is missing")),
        (*_needs("assign", _any("asked_until", "asked_limit")), pl.lit("assign takes no Valid until and no Limit")),
        (*_needs("resolve", _any("asked_until", "asked_limit")), pl.lit("resolve takes no Valid until and no Limit")),
        (
            pl.col("disposition").is_in(["explain", "waive", "resolve"]) & pl.col("asked_assignee").is_not_null(),
            "incomplete",
            pl.lit("Assign to goes with assign only: one row, one act"),
        ),
        *((*_needs(verb, lacking(verb).is_not_null()), lacking(verb)) for verb in VERBS),
        (_is_so(), "unchanged", pl.lit("it is so already")),
        (
            ~same,
            "conflict",
            pl.format("changed since the export: {}", pl.col("differs").fill_null("somebody has seen to it meanwhile")),
        ),
    )  # fmt: skip
    never = pl.lit(value=False)
    outcome: Any = pl.when(never).then(_NONE)
    message: Any = pl.when(never).then(_NONE)
    for when, name, told in cases:
        outcome, message = outcome.when(when).then(pl.lit(name)), message.when(when).then(told)
    return rows.with_columns(
        outcome.otherwise(_NONE).alias("outcome"), message.otherwise(_NONE).alias("message")
    )


def _any(*names: str) -> pl.Expr:
    return pl.any_horizontal(pl.col(name).is_not_null() for name in names)


def _needs(verb: str, wrong: pl.Expr) -> tuple[pl.Expr, str]:
    return (pl.col("disposition") == verb) & wrong, "incomplete"


def _is_so() -> pl.Expr:
    """Whether the register says already what is asked, so that the same file may come twice."""
    verb, status = pl.col("disposition"), pl.col("now_status")
    said = (pl.col("reg_reason") == pl.col("asked_reason")) & (status == verb.replace(dict(PAST)))
    until = pl.col("reg_until").eq_missing(pl.col("asked_until"))
    default = pl.when(verb == "waive").then(pl.col("reg_amount").fill_null(0).cast(AMOUNT))
    limit = pl.col("reg_limit").eq_missing(pl.coalesce("asked_limit", default))
    only_comment = verb.is_null() & pl.col("asked_comment").is_not_null()
    return (
        pl.when(only_comment)
        .then(pl.lit(value=False))
        .when(verb == "assign")
        .then(pl.col("now_assignee") == pl.col("asked_assignee"))
        .when(verb == "resolve")
        .then(said)
        .otherwise(said & until & limit)
        .fill_null(value=False)
    )


def _differences() -> pl.Expr:
    """The protected cells that are not what the register says: title, the cell's value and the register's; NULL when all are."""
    said = []
    for column in SHOWN:
        cell, now = pl.col(column.name).str.strip_chars(), pl.col(f"now_{column.name}")
        if column.name == ID:
            continue
        value: pl.Expr
        if column.kind == "amount":
            value = amount(unguarded(cell))
        elif column.kind == "date":
            value = cell.str.replace(r"[ T]00:00:00(\.0+)?$", "").str.to_date("%Y-%m-%d", strict=False)
        elif column.kind == "integer":
            value = cell.str.replace(r"\.0+$", "").cast(pl.Int64, strict=False)
        else:
            value, now = _plain(cell), _plain(now)
        differs = value.ne_missing(now) | (cell.is_not_null() & value.is_null())
        shown_cell, shown_now = (
            item.cast(pl.String).str.head(_MOST_TOLD).fill_null("(empty)") for item in (cell, now)
        )
        told = pl.format(column.title + " is {} in the workbook, {} in the register", shown_cell, shown_now)
        said.append(pl.when(differs).then(told))
    joined = pl.concat_str(said, separator="; ", ignore_nulls=True)
    return pl.when(joined != "").then(joined)


def _plain(text: pl.Expr) -> pl.Expr:
    """A text without what programs add or take on the way: an apostrophe before it, blanks around it, how lines end."""
    plain = unguarded(text).str.replace_all("\r\n?", "\n").str.strip_chars()
    return pl.when(plain != "").then(plain)


def _planned(
    judged: pl.DataFrame,
    known: pl.DataFrame,
    origin: Origin,
    comments: pl.DataFrame,
    act: Act,
    today: Mapping[str, date],
) -> _Plan:
    """Every row's outcome, and what the good ones change."""
    free = judged.filter(pl.col("outcome").is_null())
    changed, events, results = [], [], []
    for verb in VERBS:
        asked = free.filter(pl.col("disposition") == verb).select(ID, *ASKED)
        done = dispose_each(known.join(asked, on=ID), verb, act, today)
        changed.append(done.changed)
        events.append(done.events)
        results.append(
            done.changed.select(ID, pl.lit("applied").alias("new"), pl.lit(PAST[verb]).alias("told"))
        )
        results.append(done.refused.select(ID, pl.lit("refused").alias("new"), pl.col("why").alias("told")))
    after = pl.concat(changed)
    result = pl.concat(results)
    rows = judged.join(result, on=ID, how="left", maintain_order="left").with_columns(
        pl.coalesce("outcome", "new").alias("outcome"), pl.coalesce("message", "told").alias("message")
    )
    said = _comments(rows, known, after, origin, comments)
    commented = pl.col(ID).is_in(said[ID].implode()) & (
        pl.col("outcome").is_null() | (pl.col("outcome") == "unchanged")
    )
    rows = rows.with_columns(
        pl.when(commented)
        .then(pl.lit("applied"))
        .otherwise(pl.col("outcome").fill_null("unchanged"))
        .alias("outcome"),
        pl.when(commented)
        .then(pl.lit("commented"))
        .otherwise(pl.col("message").fill_null("it was commented so already"))
        .alias("message"),
    )
    return _Plan(rows, after, pl.concat([*events, said]))


def _comments(
    rows: pl.DataFrame, known: pl.DataFrame, after: pl.DataFrame, origin: Origin, comments: pl.DataFrame
) -> pl.DataFrame:
    """Entries for the comments of rows that are good and do not stand in the history yet."""
    good = pl.col("outcome").is_null() | pl.col("outcome").is_in(["applied", "unchanged"])
    chosen = rows.filter(good & pl.col("asked_comment").is_not_null()).select(
        ID,
        pl.struct(pl.col("asked_comment").alias("comment"), pl.lit(origin.workbook).alias("workbook"))
        .struct.json_encode()
        .alias("details"),
    )
    status = known.select(ID, "status").join(
        after.select(ID, pl.col("status").alias("after")), on=ID, how="left"
    )
    return (
        chosen.join(comments, on=[ID, "details"], how="anti", maintain_order="left")
        .join(status, on=ID, maintain_order="left")
        .with_columns(pl.lit("commented").alias("event"), pl.coalesce("after", "status").alias("to_status"))
        .with_columns(pl.col("to_status").alias("from_status"))
        .select(list(EVENT))
    )


def _told(rows: pl.DataFrame, filled: Filled) -> pl.DataFrame:
    """One line per row of the sheet, then the exported rows that are not in it."""
    listed = rows.select(list(_ROWS))
    deleted = filled.exported.join(rows.select(ID), on=ID, how="anti", maintain_order="left").select(
        pl.lit(None, dtype=pl.Int64).alias("row"), ID, _NONE.alias("control_id"), _NONE.alias("business_key"),
        pl.lit("deleted").alias("outcome"), pl.lit("the row was taken out of the sheet: nothing was done").alias("message"),
    )  # fmt: skip
    return pl.concat([listed, deleted])
