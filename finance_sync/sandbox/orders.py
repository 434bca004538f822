"""Requisitions and order lines with their whole life: every day on which something will happen to them.

Belongs here: drawing the base population of orders. Does not: what follows an order (documents), planted problems
(plants), how a state looks on a day (materialise).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from finance_sync.sandbox import world as w

ORDERS_PER_SCALE: Final = 2600
MAX_PARTS: Final = 4
LONGEST_REQUEST: Final = 20
"""Days between requisition and order; the supplier must be known by then."""
_CENTS: Final = 2
"""Decimals of the currencies that may have prices finer than their minor unit."""
BASE, DRAFT, REJECTED, CANCELLED, PENDING = range(5)
"""Fates of an order: it lives, stays a draft, is rejected, is cancelled before anything comes, waits for its approval."""

ORDER_LINE: Final = {
    "ono": pl.Int64, "line": pl.Int64, "ent": pl.Int64, "ltype": pl.Int64, "fate": pl.Int64, "cur": pl.Int64,
    "sup": pl.Int64, "acct": pl.Int64, "cc": pl.Int64, "proj": pl.Int64, "prog": pl.Int64, "unit": pl.Int64,
    "q": pl.Int64, "p": pl.Int64, "net": pl.Int64, "tax": pl.Int64,
    "q0": pl.Int64, "net0": pl.Int64, "tax0": pl.Int64, "change_day": pl.Int64,
    "order_day": pl.Int64, "approved_day": pl.Int64, "issued_day": pl.Int64, "due_day": pl.Int64, "closed_day": pl.Int64,
    "req_day": pl.Int64, "grid": pl.Int64, "cut": pl.Boolean, "seen_day": pl.Int64,
}  # fmt: skip
"""Frame of order lines. q: tenths of a unit; p: ten-thousandths of the currency; net, tax: minor units. q0, net0, tax0:
before ``change_day``. req_day: NEVER without requisition; due_day: NEVER without one. grid: the order's row in the plan.
cut: it ends short of what was ordered, so that its last status is cancelled, not closed. seen_day: the row appears."""

PLAN: Final = {
    "parts": pl.Int64, "delivered": pl.Int64, "consolidated": pl.Boolean, "share": pl.Int64, "last_day": pl.Int64,
    "returned": pl.Boolean, "wrong_receipt": pl.Boolean, "wrong_invoice": pl.Boolean,
}  # fmt: skip
"""Frame of how orders are fulfilled, one row per order. share: percent of an amount line that is used."""


def draw_orders(
    rng: np.random.Generator, count: int, first_number: int, programs: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Draw orders.

    Args:
        rng: seeded generator.
        count: how many orders.
        first_number: number of the first.
        programs: programs per department.

    Returns:
        Order lines (ORDER_LINE) and the plan of fulfilment (PLAN), whose row an order line names in ``grid``.
    """
    ent = rng.choice(len(w.ENTITIES), size=count, p=[e.weight for e in w.ENTITIES]).astype(np.int64)
    order_day = np.sort(rng.integers(w.FIRST_DAY + 25, w.LAST_DAY - 5, size=count))
    ltype = (w.chance(rng, count, 0.25)).astype(np.int64)
    foreign = np.array([e.foreign for e in w.ENTITIES], dtype=np.int64)[ent, rng.integers(0, 2, size=count)]
    cur = np.where(w.chance(rng, count, 0.18), foreign, w.FUNCTIONAL[ent])
    sup = rng.integers(0, w.SUPPLIERS, size=count) % w.suppliers_on(order_day - LONGEST_REQUEST)
    fate = rng.choice(5, size=count, p=[0.94, 0.015, 0.01, 0.03, 0.005]).astype(np.int64)
    approved = order_day + rng.integers(0, 3, size=count)
    issued = approved + rng.integers(0, 2, size=count)
    due = order_day + rng.integers(10, 46, size=count)
    last = np.maximum(due + rng.integers(-6, 9, size=count), issued + 3)
    parts = rng.choice(np.arange(1, MAX_PARTS), size=count, p=[0.6, 0.28, 0.12]).astype(np.int64)
    parts = parts + (ltype == w.AMOUNT)
    short = (ltype == w.QUANTITY) & (parts > 1) & (w.chance(rng, count, 0.06))
    plan = pl.DataFrame(
        {
            "parts": parts,
            "delivered": np.where(fate == BASE, parts - short, 0),
            "consolidated": w.chance(rng, count, 0.3),
            "share": np.where(w.chance(rng, count, 0.5), 100, rng.integers(60, 100, size=count)),
            "last_day": last,
            "returned": (ltype == w.QUANTITY) & ~short & (w.chance(rng, count, 0.03)),
            "wrong_receipt": ~short & (w.chance(rng, count, 0.012)),
            "wrong_invoice": ~short & (w.chance(rng, count, 0.012)),
        },
        schema=PLAN,
    )
    cancelled = np.where(fate == CANCELLED, issued + rng.integers(1, 7, size=count), w.NEVER)
    changed = (w.chance(rng, count, 0.05)) & (fate == BASE)
    change_day = np.where(changed, issued + rng.integers(0, 2, size=count), w.NEVER)
    requested = order_day - rng.integers(4, LONGEST_REQUEST + 1, size=count)
    requested = np.where(w.chance(rng, count, 0.8), requested, w.NEVER)

    lines = rng.choice(np.arange(1, 5), size=count, p=[0.4, 0.3, 0.2, 0.1])
    of = np.repeat(np.arange(count, dtype=np.int64), lines)
    line = np.arange(len(of)) - np.repeat(np.cumsum(lines) - lines, lines) + 1
    department = np.repeat(rng.integers(0, len(w.DEPARTMENTS), size=count), lines)
    is_amount = ltype[of] == w.AMOUNT
    acct = np.where(
        is_amount, w.AMOUNT_ACCOUNTS[rng.integers(0, len(w.AMOUNT_ACCOUNTS), size=len(of))],
        w.QUANTITY_ACCOUNTS[rng.integers(0, len(w.QUANTITY_ACCOUNTS), size=len(of))],
    )  # fmt: skip
    has_project = w.chance(rng, len(of), 0.4)
    q, p, unit = _quantities(rng, cur[of])
    net = np.where(is_amount, _prices(rng, cur[of], 500, 40_000) // 10 ** (4 - w.MINOR[cur[of]]), 0)
    frame = pl.DataFrame(
        {
            "ono": first_number + of, "line": line, "ent": ent[of], "ltype": ltype[of], "fate": fate[of], "cur": cur[of],
            "sup": sup[of], "acct": acct, "cc": w.cost_center(ent[of], department, rng.integers(0, w.CHILDREN, size=len(of))),
            "proj": np.where(has_project, w.project(ent[of], department, rng.integers(0, 2, size=len(of))), -1),
            "prog": w.program(department, rng.integers(0, programs, size=len(of))),
            "unit": np.where(is_amount, -1, unit), "q": np.where(is_amount, 0, q), "p": np.where(is_amount, 0, p),
            "net": np.where(is_amount, net, w.value_of(q, p, cur[of])), "tax": 0,
            "q0": 0, "net0": 0, "tax0": 0, "change_day": np.where(line == 1, change_day[of], w.NEVER),
            "order_day": order_day[of], "approved_day": approved[of], "issued_day": issued[of],
            "due_day": due[of], "closed_day": cancelled[of], "req_day": requested[of], "grid": of,
            "cut": fate[of] == CANCELLED, "seen_day": order_day[of],
        },
        schema=ORDER_LINE,
    )  # fmt: skip
    return with_tax_and_original(frame), plan


def _prices(rng: np.random.Generator, cur: w.Ints, low: int, high: int) -> w.Ints:
    """Prices in ten-thousandths of the currency, whole minor units; from low to high US dollars, as many in each doubling."""
    floor = low * 100 << rng.integers(0, (high // low).bit_length(), size=len(cur))
    dollars = floor + floor * rng.integers(0, 1000, size=len(cur)) // 1000
    step = w.as_ints(10 ** (4 - w.MINOR[cur]))
    return w.as_ints(np.maximum(dollars * w.LEVEL[cur] // step, 1) * step)


def _quantities(rng: np.random.Generator, cur: w.Ints) -> tuple[w.Ints, w.Ints, w.Ints]:
    """Quantity in tenths, price in ten-thousandths, unit. Fine prices come with whole quantities, so that products are exact."""
    size = len(cur)
    unit = rng.choice(len(w.UNITS), size=size, p=[0.55, 0.2, 0.15, 0.1]).astype(np.int64)
    hours = unit == w.UNITS.index("HUR")
    q = np.where(hours, 5 * rng.integers(8, 160, size=size), 10 * rng.integers(4, 120, size=size))
    p = _prices(rng, cur, 20, 900)
    fine = ~hours & (w.MINOR[cur] == _CENTS) & (w.chance(rng, size, 0.1))
    return q, np.where(fine, p + rng.integers(1, 100, size=size), p), unit


def with_tax_and_original(lines: pl.DataFrame) -> pl.DataFrame:
    """Fill tax, and the state before a change order: a fifth less of quantity or amount (q0, net0, tax0)."""
    rate = w.tax_tables()[0][
        lines["ent"].to_numpy(), np.minimum(lines["acct"].to_numpy(), len(w.ACCOUNTS) - 1)
    ]
    cur, q, p, net = (lines[name].to_numpy() for name in ("cur", "q", "p", "net"))
    changed = lines["change_day"].to_numpy() < w.NEVER
    q0 = np.where(changed, q - 10 * (q // 50), q)
    net0 = np.where(
        lines["ltype"].to_numpy() == w.AMOUNT, np.where(changed, net * 4 // 5, net), w.value_of(q0, p, cur)
    )
    return lines.with_columns(
        tax=pl.Series(w.half_up(net * rate, 10_000)),
        q0=pl.Series(q0),
        net0=pl.Series(net0),
        tax0=pl.Series(w.half_up(net0 * rate, 10_000)),
    )
