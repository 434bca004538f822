"""What a night does to the register (SPEC 8): new, returned, gone, changed, reopened, raised, overdue. Set-based and pure.

Everything follows from the rows as they stand, what the marts list, and the day; so the same night once more changes nothing.

Belongs here: the transitions that nobody decides. Does not: those of people (dispositions), reading and writing (sync).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from finance_sync.exceptions.history import EVENT
from finance_sync.exceptions.rules import SEVERITIES, Rules
from finance_sync.exceptions.tables import COLUMNS, FACTS, IDENTITY, LIFE, schema_of

FOUND = {**IDENTITY, **FACTS}
# A change of these is told in the history; of other facts only the last state is kept.
_TOLD = ("amount_group", "amount_functional", "reason_code", "finding", "fiscal_period_id")
_CHANGEABLE = [*FACTS, *LIFE]
_CLEARED = (
    "disposed_by",
    "disposed_at",
    "disposition_reason",
    "valid_until",
    "limit_group",
    "disposed_amount",
)


@dataclass(frozen=True)
class Night:
    """One run as the register sees it.

    Attributes:
        run_id: named where an exception is opened or gone.
        business_date: ages and deadlines count by it.
        sighting: the marts were built since the last time; else the same marts are looked at again.
        closing: what is not listed any more is gone; False when the run's data are not to be relied on.
        judged: (legal_entity_id, fiscal_period_id) that the build made anew.
        whole: controls that are made anew as a whole in every build.
        unjudged: controls that were not applicable, blocked or could not be judged: nothing of theirs is gone.
    """

    run_id: str
    business_date: date
    sighting: bool
    closing: bool
    judged: pl.DataFrame
    whole: frozenset[str] = frozenset()
    unjudged: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Changes:
    """What is to be written.

    Attributes:
        inserted: new rows, all columns.
        updated: exception_id and every column of facts and life, of rows in which one of them changed.
        seen: exception_id of rows that the run found again.
        events: entries of the history, in order.
        counts: how many of each event.
    """

    inserted: pl.DataFrame
    updated: pl.DataFrame
    seen: pl.DataFrame
    events: pl.DataFrame
    counts: dict[str, int]


def advance(known: pl.DataFrame, found: pl.DataFrame, night: Night, rules: Rules) -> Changes:
    """What a night changes.

    Args:
        known: rows of the register (tables.COLUMNS): all that are not gone, and those gone that ``found`` lists.
        found: what the marts list (FOUND), one row per exception_id.
        night: the run.
        rules: of its day.

    Returns:
        Changes; empty when nothing is to change.
    """
    rows = _states(_joined(known, found, night), night, rules)
    rows = _due(_raised(rows, night, rules), night)
    new, old = rows.filter("is_new"), rows.filter(~pl.col("is_new"))
    inserted = new.select(
        *IDENTITY,
        *(pl.col(f"new_{name}").alias(name) for name in FACTS),
        pl.col("new_amount_functional").alias("first_amount_functional"),
        pl.col("new_amount_group").alias("first_amount_group"),
        *(pl.col(f"new_{name}").alias(name) for name in LIFE),
        pl.lit(night.business_date).alias("first_seen_on"),
        pl.lit(night.run_id).alias("first_seen_run"),
        pl.lit(night.business_date).alias("last_seen_on"),
        pl.lit(night.run_id).alias("last_seen_run"),
        pl.lit(1).alias("times_seen"),
        pl.lit(1, dtype=pl.Int64).alias("version"),
    )
    inserted = inserted.select(pl.col(name).cast(kind) for name, kind in schema_of(COLUMNS).items())
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"new_{name}")) for name in _CHANGEABLE)
    updated = old.filter(differs).select(
        "exception_id", *(pl.col(f"new_{name}").alias(name) for name in _CHANGEABLE)
    )
    seen = old.filter(pl.col("is_found") & (pl.col("is_judged") | pl.col("returns")) & pl.lit(night.sighting))
    events = _events(rows)
    counts = {str(name): int(count) for name, count in events.group_by("event").len().iter_rows()}
    return Changes(inserted, updated, seen.select("exception_id"), events, counts)


def _joined(known: pl.DataFrame, found: pl.DataFrame, night: Night) -> pl.DataFrame:
    """Both sides in one row; what happens to it, as flags."""
    listed = found.select(
        "exception_id",
        *(pl.col(name).alias(f"f_{name}") for name in FOUND if name != "exception_id"),
        pl.lit(value=True).alias("is_found"),
    )
    judged = night.judged.select(
        "legal_entity_id", "fiscal_period_id", pl.lit(value=True).alias("in_scope")
    ).unique()
    rows = known.join(listed, on="exception_id", how="full", coalesce=True).with_columns(
        pl.col("is_found").fill_null(value=False), pl.col("status").is_null().alias("is_new")
    )
    rows = rows.with_columns(
        pl.coalesce(name, f"f_{name}").alias(name) for name in IDENTITY if name != "exception_id"
    ).with_columns(
        pl.when("is_found").then(f"f_{name}").otherwise(name).alias(f"new_{name}") for name in FACTS
    )
    # An absent row is judged by the period in which it stood last.
    rows = rows.join(
        judged,
        left_on=["legal_entity_id", "new_fiscal_period_id"],
        right_on=["legal_entity_id", "fiscal_period_id"],
        how="left",
    )
    gone = ~pl.col("is_new") & pl.col("gone_on").is_not_null()
    return rows.with_columns(
        (pl.col("in_scope").fill_null(value=False) | pl.col("control_id").is_in(list(night.whole))).alias(
            "is_judged"
        ),
        (gone & pl.col("is_found")).alias("returns"),
        gone.alias("was_gone"),
    ).with_columns(
        (
            pl.lit(night.closing)
            & ~pl.col("is_new")
            & ~pl.col("was_gone")
            & ~pl.col("is_found")
            & pl.col("is_judged")
            & ~pl.col("control_id").is_in(list(night.unjudged))
        ).alias("vanishes")
    )


def _states(rows: pl.DataFrame, night: Night, rules: Rules) -> pl.DataFrame:
    """Status, when it was opened, and why it was reopened."""
    today = pl.col("legal_entity_id").replace_strict(
        dict(rules.today), default=rules.today[""], return_dtype=pl.Date
    )
    held = pl.col("status").is_in(["explained", "waived"]).fill_null(value=False) & ~pl.col("vanishes")
    held = held & ~pl.col("returns")
    amount, limit = pl.col("new_amount_group"), pl.col("limit_group")
    exceeded = limit.is_not_null() & (
        (amount > limit).fill_null(value=False) | (amount.is_null() & pl.col("disposed_amount").is_not_null())
    )
    expired = (pl.col("valid_until") < today).fill_null(value=False)
    still = (
        (pl.col("status") == "resolved").fill_null(value=False)
        & ~pl.col("was_gone")
        & pl.col("is_found")
        & pl.col("is_judged")
        & pl.lit(night.sighting)
    )
    because = (
        pl.when("returns")
        .then(pl.lit("returned"))
        .when(held & exceeded)
        .then(pl.lit("limit_exceeded"))
        .when(held & expired)
        .then(pl.lit("expired"))
        .when(still)
        .then(pl.lit("still_there"))
    )
    rows = rows.with_columns(because.alias("reopens"))
    reopens, day = pl.col("reopens").is_not_null(), pl.lit(night.business_date)
    opened = pl.col("is_new") | pl.col("returns")
    return rows.with_columns(
        pl.when(pl.col("is_new") | (reopens & pl.col("assignee").is_null()))
        .then(pl.lit("open"))
        .when(reopens)
        .then(pl.lit("assigned"))
        .when("vanishes")
        .then(pl.lit("resolved"))
        .otherwise("status")
        .alias("new_status"),
        pl.col("assignee").alias("new_assignee"),
        pl.when(opened).then(day).otherwise("opened_on").alias("new_opened_on"),
        pl.when(opened | reopens).then(day).otherwise("due_from").alias("new_due_from"),
        (pl.col("times_opened").fill_null(0) + (opened | reopens).cast(pl.Int64)).alias("new_times_opened"),
        pl.when(reopens)
        .then("reopens")
        .when(pl.col("vanishes"))
        .then(None)
        .otherwise("reopened_because")
        .alias("new_reopened_because"),
        *(pl.when(reopens).then(None).otherwise(name).alias(f"new_{name}") for name in _CLEARED),
        pl.when("returns").then(None).when("vanishes").then(day).otherwise("gone_on").alias("new_gone_on"),
        pl.when("returns")
        .then(None)
        .when("vanishes")
        .then(pl.lit(night.run_id))
        .otherwise("gone_run")
        .alias("new_gone_run"),
    )


def _raised(rows: pl.DataFrame, night: Night, rules: Rules) -> pl.DataFrame:
    """Severity from amount and age. What is resolved keeps the one it had."""
    amount = pl.col("new_amount_group").fill_null(0)
    rows = rows.join(rules.thresholds, on="control_id", how="left")
    rank = pl.lit(0, dtype=pl.Int64)
    for index, name in enumerate(SEVERITIES):
        rank = pl.when((amount >= pl.col(f"from_{name}")).fill_null(value=False)).then(index).otherwise(rank)
    rows = rows.with_columns(rank.cast(pl.Int64).alias("rank")).with_columns(
        _named("rank").alias("by_amount")
    )
    raises = rules.periods.select(
        "control_id", "legal_entity_id", pl.col("severity").alias("by_amount"), "raise_after_days"
    )
    rows = rows.join(raises, on=["control_id", "legal_entity_id", "by_amount"], how="left")
    age = (pl.lit(night.business_date) - pl.col("new_opened_on")).dt.total_days()
    raised = pl.min_horizontal(
        pl.col("rank") + (age >= pl.col("raise_after_days")).fill_null(value=False).cast(pl.Int64),
        pl.lit(len(SEVERITIES) - 1, dtype=pl.Int64),
    )
    rows = rows.with_columns(raised.alias("rank"))
    rows = rows.with_columns(
        pl.when(pl.col("new_status") == "resolved")
        .then("severity")
        .otherwise(_named("rank"))
        .alias("new_severity")
    )
    return rows.join(
        rules.periods.drop("raise_after_days"),
        left_on=["control_id", "legal_entity_id", "new_severity"],
        right_on=["control_id", "legal_entity_id", "severity"],
        how="left",
    )


def _named(rank: str) -> pl.Expr:
    return pl.col(rank).replace_strict(dict(enumerate(SEVERITIES)), return_dtype=pl.String)


def _due(rows: pl.DataFrame, night: Night) -> pl.DataFrame:
    """Deadline, and past it who is told. Explained, waived and resolved ones have had their answer."""
    deadline = pl.col("new_due_from") + pl.duration(days=pl.col("deadline_days").fill_null(0))
    resolved = pl.col("new_status") == "resolved"
    rows = rows.with_columns(
        pl.when(resolved).then("deadline_on").otherwise(deadline).alias("new_deadline_on")
    )
    late = (pl.lit(night.business_date) - pl.col("new_deadline_on")).dt.total_days()
    waits = pl.col("new_status").is_in(["open", "assigned"])
    every = pl.col("escalate_every_days").fill_null(1)
    level = pl.min_horizontal((late - 1) // every + 1, pl.col("escalate_to").list.len().cast(pl.Int64))
    rows = rows.with_columns(
        pl.when(waits & (late > 0))
        .then(level.fill_null(1))
        .when(resolved)
        .then(pl.col("escalation_level"))
        .otherwise(0)
        .cast(pl.Int64)
        .alias("new_escalation_level")
    )
    reached = pl.col("new_escalation_level") > 0
    days = 1 + (pl.col("new_escalation_level") - 1) * every
    return rows.with_columns(
        pl.when(resolved)
        .then("escalated_on")
        .when(reached)
        .then(pl.col("new_deadline_on") + pl.duration(days=days))
        .alias("new_escalated_on"),
        pl.when(resolved)
        .then("escalated_to")
        .when(reached)
        .then(
            pl.col("escalate_to").list.get(
                pl.max_horizontal(pl.col("new_escalation_level") - 1, pl.lit(0)), null_on_oob=True
            )
        )
        .alias("new_escalated_to"),
    )


def _events(rows: pl.DataFrame) -> pl.DataFrame:
    """Entries of the history, by exception, in the order in which things happen to it."""
    old = ~pl.col("is_new")
    told = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"new_{name}")) for name in _TOLD)
    amount = {
        "amount_group": "new_amount_group",
        "severity": "new_severity",
        "period": "new_fiscal_period_id",
    }
    was = {f"{name}_was": name for name in _TOLD} | {name: f"new_{name}" for name in _TOLD}
    parts = [
        _part(rows, pl.col("is_new"), 0, "opened", amount, before=None),
        _part(rows, old & pl.col("is_found") & told, 1, "changed", was, after="status"),
        _part(rows, pl.col("returns"), 2, "returned", amount),
        _part(rows, pl.col("vanishes"), 2, "gone", {"amount_group": "amount_group"}),
        _part(
            rows,
            pl.col("reopens").is_not_null() & ~pl.col("returns"),
            2,
            "reopened",
            {
                "because": "reopens",
                "valid_until": "valid_until",
                "limit_group": "limit_group",
                "amount_group": "new_amount_group",
            },
        ),
        _part(
            rows,
            old & pl.col("severity").ne_missing(pl.col("new_severity")),
            3,
            "severity",
            {"severity_was": "severity", "severity": "new_severity", "deadline_on": "new_deadline_on"},
            before="new_status",
        ),
        _part(
            rows,
            (pl.col("new_escalation_level") > pl.col("escalation_level").fill_null(0))
            & (pl.col("new_status") != "resolved"),
            4,
            "escalated",
            {
                "level": "new_escalation_level",
                "to": "new_escalated_to",
                "on": "new_escalated_on",
                "deadline_on": "new_deadline_on",
            },
            before="new_status",
        ),
    ]
    every = pl.concat(parts).sort("exception_id", "order")
    return every.select(list(EVENT))


def _part(
    rows: pl.DataFrame,
    where: pl.Expr,
    order: int,
    event: str,
    details: dict[str, str],
    *,
    before: str | None = "status",
    after: str = "new_status",
) -> pl.DataFrame:
    chosen = rows.filter(where)
    texts = [pl.col(column).cast(pl.String).alias(name) for name, column in details.items()]
    return chosen.select(
        "exception_id",
        pl.lit(order).alias("order"),
        pl.lit(event).alias("event"),
        (pl.col(before) if before else pl.lit(None, dtype=pl.String)).alias("from_status"),
        pl.col(after).alias("to_status"),
        pl.struct(texts).struct.json_encode().alias("details"),
    )


def empty_known() -> pl.DataFrame:
    """A register without rows."""
    return pl.DataFrame(schema=schema_of(COLUMNS))
