"""What systems state of the budget on a day: planning's own approved totals, and the budgets that procurement was given.

Belongs here: both lists per control cell and period, derived from the budget lines that count; what is planted in them. Does
not: which problems are planted (plants_checkpoints), writing (planning, store).

Both state fiscal 2026 alone: procurement checks the present year, planning's totals are those of the budget in force.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl

from finance_sync.sandbox import world as w
from finance_sync.sandbox.budgets import VERSIONS
from finance_sync.sandbox.planning import in_storage
from finance_sync.sandbox.text import amounts, codes, dates, times

APPROVED: Final = 0
PUBLISHED: Final = 1
_YEAR: Final = w.FIRST_YEAR + 1
_PUBLISHED_AFTER: Final = 1
"""Days after its approval on which a version is published."""
CELL: Final = ("ent", "cc", "acct", "proj", "prog", "period")
STATEMENT: Final = {
    "stage": pl.Int64, "ent": pl.Int64, "cc": pl.Int64, "acct": pl.Int64, "proj": pl.Int64, "prog": pl.Int64,
    "period": pl.Int64, "percent": pl.Int64, "cur": pl.Int64, "amount": pl.Int64, "day": pl.Int64,
}  # fmt: skip
"""Planted statements of cells. period: 1..12; percent: of the budget that is stated, 0 leaves the cell out; cur: currency index
that it is stated in, -1 the budget's; amount: minor units of a statement that no budget stands behind, -1 none; day: from which
the cell is stated as it should be (percent), or from which it stands there (amount)."""


def approved_totals(lines: pl.DataFrame, planted: Sequence[Mapping[str, Any]], today: int) -> pl.DataFrame:
    """Planning's file of totals on a day, and ``storage``, the amounts in ten-thousandths.

    Args:
        lines: budget lines of all versions.
        planted: planted statements (STATEMENT).
        today: the day.
    """
    cells = _stated(_effective(lines, today, 0), planted, APPROVED, today)
    return pl.DataFrame(
        {
            "total_id": _identity(cells), "entity": codes(cells["ent"], tuple(e.code for e in w.ENTITIES)),
            "cost_center": codes(cells["cc"], w.COST_CENTER_CODES), "account": codes(cells["acct"], w.ACCOUNT_CODES),
            **_segments(cells), "fiscal_year": pl.repeat(_YEAR, cells.height, eager=True), "period_no": cells["period"],
            "currency": codes(cells["cur"], w.CURRENCIES), "amount": amounts(cells["amount"], cells["cur"]),
            "approved_on": dates(cells["day"]), "storage": in_storage(cells["amount"], cells["cur"]),
        }
    )  # fmt: skip


def published_budgets(lines: pl.DataFrame, planted: Sequence[Mapping[str, Any]], today: int) -> pl.DataFrame:
    """Procurement's table of budgets on a day, under its own codes; accounts that nothing is bought on are not in it.

    Args:
        lines: budget lines of all versions.
        planted: planted statements (STATEMENT).
        today: the day.
    """
    cells = _stated(_effective(lines, today, _PUBLISHED_AFTER), planted, PUBLISHED, today)
    bought = [index for index, row in enumerate(w.ACCOUNTS) if row[5]]
    cells = cells.filter(pl.col("acct").is_in(bought))
    return pl.DataFrame(
        {
            "budget": _identity(cells), "entity": codes(cells["ent"], w.PROCUREMENT_ENTITY_CODES),
            "cost_center": codes(cells["cc"], w.COST_CENTER_CODES),
            "account": codes(cells["acct"], w.PROCUREMENT_ACCOUNT_CODES), **_segments(cells),
            "fiscal_year": pl.repeat(_YEAR, cells.height, eager=True), "period_no": cells["period"],
            "currency": codes(cells["cur"], w.CURRENCIES), "amount": amounts(cells["amount"], cells["cur"]),
            "published_on": dates(cells["day"]), "changed_at": times(cells["day"], cells["mark"]), "_day": cells["day"],
        }
    )  # fmt: skip


def _effective(lines: pl.DataFrame, today: int, delay: int) -> pl.DataFrame:
    """Sums per cell of the versions approved by now, as they come across after some days: CELL, cur, amount, day, mark."""
    known = [n for n, version in enumerate(VERSIONS) if version.approved_day + delay <= today]
    days = pl.Series([version.approved_day for version in VERSIONS]) + delay
    lines = lines.filter((pl.col("year") == _YEAR) & pl.col("version").is_in(known))
    lines = lines.with_columns(day=days.gather(lines["version"]))
    months = pl.DataFrame({"month": range(1, w.PERIODS_PER_YEAR + 1)})
    annual = lines.filter(pl.col("period") < 0).join(months, how="cross", maintain_order="left_right")
    annual = annual.with_columns(period="month", amount=pl.col("amount") // w.PERIODS_PER_YEAR).drop("month")
    cells = (
        pl.concat([lines.filter(pl.col("period") > 0), annual], how="vertical_relaxed")
        .group_by(CELL, maintain_order=True)
        .agg(pl.col("amount").sum(), pl.col("day").max(), mark=pl.col("cell").min())
        .sort(CELL)
    )
    return cells.with_columns(cur=pl.Series(w.FUNCTIONAL[cells["ent"].to_numpy()]))


def _stated(
    cells: pl.DataFrame, planted: Sequence[Mapping[str, Any]], stage: int, today: int
) -> pl.DataFrame:
    """The cells with what is planted in a stage's statements."""
    changes = pl.DataFrame(list(planted), schema=STATEMENT, orient="row").filter(pl.col("stage") == stage)
    beside = changes.filter((pl.col("amount") >= 0) & (pl.col("day") <= today))
    beside = beside.with_columns(
        mark=pl.col("period"),
        cur=pl.when(pl.col("cur") < 0)
        .then(pl.Series(w.FUNCTIONAL[beside["ent"].to_numpy()]))
        .otherwise("cur"),
    )
    of_cells = changes.filter(pl.col("amount") < 0).select(*CELL, "percent", other="cur", until="day")
    cells = cells.join(of_cells, on=CELL, how="left", maintain_order="left", nulls_equal=True)
    over = pl.col("until").fill_null(0) <= today
    cells = cells.with_columns(
        amount=pl.when(over).then("amount").otherwise(pl.col("amount") * pl.col("percent") // 100),
        cur=pl.when(over | (pl.col("other").fill_null(-1) < 0)).then("cur").otherwise("other"),
        day=pl.when(over).then(pl.max_horizontal("day", "until")).otherwise("day"),
    ).filter(over | (pl.col("percent") > 0))
    columns = (*CELL, "cur", "amount", "day", "mark")
    return pl.concat([cells.select(columns), beside.select(columns)], how="vertical_relaxed")


def _identity(cells: pl.DataFrame) -> pl.Series:
    """Key of a row: the cell's numbers, the period and the currency."""
    parts = [pl.col(name).cast(pl.String) for name in (*CELL, "cur")]
    return cells.select(pl.concat_str(parts, separator=".")).to_series()


def _segments(cells: pl.DataFrame) -> dict[str, pl.Series]:
    return {
        "project": codes(cells["proj"], w.PROJECT_CODES),
        "location": codes(pl.Series(w.location_of(cells["cc"].to_numpy())), w.LOCATION_CODES),
        "program": codes(cells["prog"], w.PROGRAM_CODES),
    }
