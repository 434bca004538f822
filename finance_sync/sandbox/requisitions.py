"""Requisition lines: those that became orders, and those that never did.

Belongs here: drawing requisitions with the days of their life. Does not: orders (orders).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from finance_sync.sandbox import world as w
from finance_sync.sandbox.text import conform

REQUISITION_LINE: Final = {
    "rqno": pl.Int64, "line": pl.Int64, "ent": pl.Int64, "sup": pl.Int64, "cur": pl.Int64, "acct": pl.Int64,
    "cc": pl.Int64, "proj": pl.Int64, "prog": pl.Int64, "unit": pl.Int64, "q": pl.Int64, "p": pl.Int64, "amount": pl.Int64,
    "requested_day": pl.Int64, "created_day": pl.Int64, "approved_day": pl.Int64, "ordered_day": pl.Int64,
    "closed_day": pl.Int64, "rejected_day": pl.Int64, "deleted_day": pl.Int64,
}  # fmt: skip
"""Requisition lines; created_day is the day on which the row appears, deleted_day the one on which it is gone."""
PER_SCALE: Final = 800
_FATES: Final = ("closed unused", "waits for an order", "rejected", "a draft, deleted")
FIRST_FREE: Final = 60_000_001
"""Numbers of requisitions without an order; those with one have the order's number."""


def requisitions(
    rng: np.random.Generator, lines: pl.DataFrame, scale: float, first: int, programs: int
) -> pl.DataFrame:
    """Requisition lines of order lines, and further ones that are waiting, were rejected or deleted.

    Args:
        rng: seeded generator.
        lines: order lines.
        scale: size of the company.
        first: number of the first requisition without an order, from zero.
        programs: programs per department.
    """
    never = pl.lit(w.NEVER)
    followed = lines.filter(pl.col("req_day") < w.NEVER).with_columns(
        rqno="ono", q="q0", amount="net0", requested_day="req_day", created_day="req_day",
        approved_day=pl.col("req_day") + 2, ordered_day="order_day", rejected_day=never, deleted_day=never,
    )  # fmt: skip
    size = max(12, round(PER_SCALE * scale))
    ent = rng.choice(len(w.ENTITIES), size=size, p=[e.weight for e in w.ENTITIES]).astype(np.int64)
    requested = np.sort(rng.integers(w.FIRST_DAY + 2, w.LAST_DAY - 3, size=size))
    department = rng.integers(0, len(w.DEPARTMENTS), size=size)
    cur = w.FUNCTIONAL[ent]
    fate = rng.integers(0, len(_FATES), size=size)
    ends, waits, refused, deleted = (fate == number for number in range(len(_FATES)))
    p = rng.integers(30, 700, size=size) * w.LEVEL[cur] * 100
    q = 10 * rng.integers(2, 40, size=size)
    soon = requested + rng.integers(1, 5, size=size)
    free = pl.DataFrame(
        {
            "rqno": FIRST_FREE + first + np.arange(size), "line": 1, "ent": ent,
            "sup": rng.integers(0, w.SUPPLIERS, size=size) % w.suppliers_on(requested), "cur": cur,
            "acct": w.QUANTITY_ACCOUNTS[rng.integers(0, len(w.QUANTITY_ACCOUNTS), size=size)],
            "cc": w.cost_center(ent, department, rng.integers(0, w.CHILDREN, size=size)), "proj": -1,
            "prog": w.program(department, rng.integers(0, programs, size=size)), "unit": 0, "q": q, "p": p,
            "amount": w.value_of(q, p, cur), "requested_day": requested, "created_day": requested,
            "approved_day": np.where(ends | waits, soon, w.NEVER), "ordered_day": w.NEVER,
            "closed_day": np.where(ends, soon + 40, w.NEVER), "rejected_day": np.where(refused, soon, w.NEVER),
            "deleted_day": np.where(deleted, soon + 3, w.NEVER),
        },
        schema=REQUISITION_LINE,
    )  # fmt: skip
    return pl.concat([conform(followed, REQUISITION_LINE), free])
