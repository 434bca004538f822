"""What people do to exceptions: assign, explain, waive, resolve, reopen (SPEC 8). Set-based and pure.

Belongs here: which act is possible when, and what it changes. Does not: the transitions of a night (life), reading and writing
(work).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

import polars as pl

from finance_sync.errors import OperationsError
from finance_sync.exceptions.history import EVENT, Act
from finance_sync.exceptions.tables import AMOUNT, LIFE

Verb = Literal["assign", "explain", "waive", "resolve", "reopen"]
PAST: dict[Verb, str] = {
    "assign": "assigned",
    "explain": "explained",
    "waive": "waived",
    "resolve": "resolved",
    "reopen": "reopened",
}
_MOST_TEXT = 4000
# Columns that say what is asked of a row, as Disposition does of many.
ASKED = {
    "asked_reason": pl.String,
    "asked_assignee": pl.String,
    "asked_until": pl.Date,
    "asked_limit": AMOUNT,
}


@dataclass(frozen=True)
class Disposition:
    """What is to be done.

    Attributes:
        verb: the act.
        reason: why, in words; required but for assign.
        assignee: assign: the person; None takes it back.
        valid_until: explain, waive: last day on which it holds, in the entity's zone; required for waive.
        limit_group: explain, waive: it holds up to this amount, group currency. None: for a waiver the amount as it stands (zero
            where nobody knows it); for an explanation whatever the amount.
    """

    verb: Verb
    reason: str = ""
    assignee: str | None = None
    valid_until: date | None = None
    limit_group: Decimal | None = None

    def check(self) -> None:
        """Whether the act is complete in itself.

        Raises:
            OperationsError: says what is missing.
        """
        if self.verb != "assign" and not self.reason.strip():
            raise OperationsError(
                f"to {self.verb} needs a reason", remedy="say why with --reason; it is kept for ever"
            )
        if len(self.reason) > _MOST_TEXT:
            raise OperationsError(f"the reason is longer than {_MOST_TEXT} characters", remedy="shorten it")
        if self.verb == "waive" and self.valid_until is None:
            raise OperationsError(
                "a waiver needs an end", remedy="give the last day on which it holds with --until"
            )
        if self.limit_group is not None and self.limit_group < 0:
            raise OperationsError(
                f"the limit {self.limit_group} is negative",
                remedy="amounts at risk are not: give 0 or more",
            )
        if self.limit_group is not None and self.limit_group != round(self.limit_group, 4):
            raise OperationsError(
                f"the limit {self.limit_group} has more than four decimals", remedy="round it"
            )


@dataclass(frozen=True)
class Outcome:
    """What comes of it.

    Attributes:
        changed: exception_id and every column of LIFE, of the rows that change.
        events: entries of the history.
        refused: exception_id, why: rows that the act does not suit.
    """

    changed: pl.DataFrame
    events: pl.DataFrame
    refused: pl.DataFrame


def dispose(rows: pl.DataFrame, wanted: Disposition, act: Act, today: Mapping[str, date]) -> Outcome:
    """Apply one act to rows of the register.

    Args:
        rows: tables.COLUMNS.
        wanted: the act; complete (see Disposition.check).
        act: who and when.
        today: which day it is by entity; key "" for others.

    Returns:
        Outcome; a row is changed whole or refused whole.
    """
    asked = rows.with_columns(
        pl.lit(wanted.reason or None, dtype=pl.String).alias("asked_reason"),
        pl.lit(wanted.assignee, dtype=pl.String).alias("asked_assignee"),
        pl.lit(wanted.valid_until, dtype=pl.Date).alias("asked_until"),
        pl.lit(wanted.limit_group, dtype=AMOUNT).alias("asked_limit"),
    )
    return dispose_each(asked, wanted.verb, act, today)


def lacking(verb: Verb) -> pl.Expr:
    """What is missing for an act, row by row, from the columns of ASKED; NULL when it is complete (see Disposition.check)."""
    reason, until, limit = pl.col("asked_reason"), pl.col("asked_until"), pl.col("asked_limit")
    never = pl.lit(value=False)
    return (
        pl.when((reason.str.strip_chars().fill_null("") == "") if verb != "assign" else never)
        .then(pl.lit(f"to {verb} needs a reason"))
        .when(reason.str.len_chars() > _MOST_TEXT)
        .then(pl.lit(f"the reason is longer than {_MOST_TEXT} characters"))
        .when(until.is_null() if verb == "waive" else never)
        .then(pl.lit("a waiver needs an end: the last day on which it holds"))
        .when(limit < 0)
        .then(pl.format("the limit {} is negative", limit.cast(pl.String)))
        .otherwise(pl.lit(None, dtype=pl.String))
    )


def dispose_each(rows: pl.DataFrame, verb: Verb, act: Act, today: Mapping[str, date]) -> Outcome:
    """Apply acts of one kind, each row its own.

    Args:
        rows: tables.COLUMNS and ASKED; complete (see lacking).
        verb: the kind.
        act: who and when.
        today: which day it is by entity; key "" for others.

    Returns:
        Outcome; a row is changed whole or refused whole.
    """
    rows = rows.with_columns(_refusal(verb, today).alias("why"))
    fits, refused = rows.filter(pl.col("why").is_null()), rows.filter(pl.col("why").is_not_null())
    new = fits.with_columns(expression.alias(f"new_{name}") for name, expression in _new(verb, act).items())
    changed = new.select(
        "exception_id",
        *(
            (pl.col(f"new_{name}") if f"new_{name}" in new.columns else pl.col(name)).alias(name)
            for name in LIFE
        ),
    )
    details = {
        "reason": pl.col("asked_reason"),
        "assignee": pl.col("new_assignee" if verb == "assign" else "assignee"),
        "amount_group": pl.col("amount_group").cast(pl.String),
    }
    if verb == "assign":
        del details["reason"], details["amount_group"]
        details["assignee_was"] = pl.col("assignee")
    if verb in {"explain", "waive"}:
        details["valid_until"] = pl.col("new_valid_until").cast(pl.String)
        details["limit_group"] = pl.col("new_limit_group").cast(pl.String)
    events = new.select(
        "exception_id",
        pl.lit(PAST[verb]).alias("event"),
        pl.col("status").alias("from_status"),
        (pl.col("new_status") if "new_status" in new.columns else pl.col("status")).alias("to_status"),
        pl.struct(value.alias(name) for name, value in details.items()).struct.json_encode().alias("details"),
    ).select(list(EVENT))
    return Outcome(changed, events, refused.select("exception_id", "why"))


def _refusal(verb: Verb, today: Mapping[str, date]) -> pl.Expr:
    """Why a row does not take the act; NULL when it does."""
    status, amount = pl.col("status"), pl.col("amount_group")
    gone = pl.col("gone_on").is_not_null()
    gone_text = pl.format(
        "it is gone from the books since {} and returns by itself if the problem does", "gone_on"
    )
    if verb == "reopen":
        open_already = pl.format("it is {} already", status)
        return (
            pl.when(gone)
            .then(gone_text)
            .when(status.is_in(["open", "assigned"]))
            .then(open_already)
            .otherwise(pl.lit(None, dtype=pl.String))
        )
    why = (
        pl.when(gone)
        .then(gone_text)
        .when(status == "resolved")
        .then(pl.lit("it is resolved: reopen it first"))
    )
    if verb in {"explain", "waive"}:
        day = pl.col("legal_entity_id").replace_strict(dict(today), default=today[""], return_dtype=pl.Date)
        until, limit = pl.col("asked_until"), pl.col("asked_limit")
        why = why.when(until < day).then(
            pl.format("{} is over already (there it is {})", until.cast(pl.String), day)
        )
        why = why.when(limit.is_not_null() & (amount > limit).fill_null(value=False)).then(
            pl.format(
                "its amount {} is above the limit {}",
                amount.cast(pl.String).fill_null("unknown"),
                limit.cast(pl.String).str.replace(r"\.?0+$", ""),
            )
        )
    return why.otherwise(pl.lit(None, dtype=pl.String))


def _new(verb: Verb, act: Act) -> dict[str, pl.Expr]:
    """New values of the columns that an act sets."""
    status = pl.col("status")
    no_text, no_day, no_amount = (pl.lit(None, dtype=kind) for kind in (pl.String, pl.Date, AMOUNT))
    if verb == "assign":
        assignee = pl.col("asked_assignee")
        to = pl.when(assignee.is_null()).then(pl.lit("open")).otherwise(pl.lit("assigned"))
        return {
            "assignee": assignee,
            "status": pl.when(status.is_in(["open", "assigned"])).then(to).otherwise(status),
        }
    if verb == "reopen":
        return {
            "status": pl.when(pl.col("assignee").is_null()).then(pl.lit("open")).otherwise(pl.lit("assigned")),
            "due_from": pl.lit(act.business_date),
            "deadline_on": pl.col("deadline_on") + (pl.lit(act.business_date) - pl.col("due_from")),
            "times_opened": pl.col("times_opened") + 1,
            "reopened_because": pl.lit("asked_for"),
            "disposed_by": no_text, "disposed_at": no_text, "disposition_reason": no_text,
            "valid_until": no_day, "limit_group": no_amount, "disposed_amount": no_amount,
        }  # fmt: skip
    limit = pl.col("asked_limit")
    if verb == "waive":
        limit = pl.coalesce(limit, pl.col("amount_group"), pl.lit(0, dtype=AMOUNT))
    resolved = verb == "resolve"
    settled: dict[str, pl.Expr] = {
        "status": pl.lit(PAST[verb]),
        "disposed_by": pl.lit(act.actor),
        "disposed_at": pl.lit(act.at_text),
        "disposition_reason": pl.col("asked_reason").str.strip_chars(),
        "valid_until": no_day if resolved else pl.col("asked_until"),
        "limit_group": no_amount if resolved else limit,
        "disposed_amount": pl.col("amount_group"),
    }
    if not resolved:  # it has its answer: nobody above is to be told any more
        settled |= {
            "escalation_level": pl.lit(0, dtype=pl.Int64),
            "escalated_on": no_day,
            "escalated_to": no_text,
        }
    return settled
