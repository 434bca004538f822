"""Receipts and invoices that follow the orders: deliveries in parts, returns, credit memos, documents posted in error.

Belongs here: what comes, when, and what it is worth. Does not: how the ledger posts it (journals).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from finance_sync.sandbox import world as w
from finance_sync.sandbox.orders import BASE
from finance_sync.sandbox.text import conform

DOCUMENTS_PER_ORDER: Final = 16
"""Document numbers are order number x 16 + part x 2 + version."""
RETURN_PART: Final = 7

RECEIPT_LINE: Final = {
    "rno": pl.Int64, "line": pl.Int64, "ono": pl.Int64, "oline": pl.Int64, "ent": pl.Int64, "ltype": pl.Int64,
    "sup": pl.Int64, "cur": pl.Int64, "acct": pl.Int64, "cc": pl.Int64, "proj": pl.Int64, "prog": pl.Int64,
    "unit": pl.Int64, "q": pl.Int64, "rejected": pl.Int64, "amount": pl.Int64, "value": pl.Int64,
    "day": pl.Int64, "cancelled_day": pl.Int64, "order_day": pl.Int64,
}  # fmt: skip
"""Receipt lines. amount: of an amount line, minor units; value: what the ledger accrues (net and tax that is cost),
at the rate of order_day."""

INVOICE_LINE: Final = {
    "ino": pl.Int64, "line": pl.Int64, "ono": pl.Int64, "oline": pl.Int64, "ent": pl.Int64, "ltype": pl.Int64,
    "sup": pl.Int64, "cur": pl.Int64, "acct": pl.Int64, "cc": pl.Int64, "proj": pl.Int64, "prog": pl.Int64,
    "unit": pl.Int64, "q": pl.Int64, "p": pl.Int64, "net": pl.Int64, "tax": pl.Int64, "vat": pl.Int64, "accrued": pl.Int64,
    "credit": pl.Boolean, "document_day": pl.Int64, "day": pl.Int64, "approved_day": pl.Int64, "cancelled_day": pl.Int64,
    "paid_day": pl.Int64,
    "post_seen": pl.Int64, "post_day": pl.Int64, "post_delta": pl.Int64, "post_cur": pl.Int64, "post_acct": pl.Int64,
    "post_cc": pl.Int64, "again_seen": pl.Int64, "reversed_day": pl.Int64, "paper": pl.Int64, "typed": pl.Int64,
    "order_day": pl.Int64,
}  # fmt: skip
"""Invoice lines. day: posting date; accrued: what earlier receipts put on the GRNI account for it.
paper: number of the supplier's own document, which two of ours share when it was entered twice; typed: how it was written down.
post_*: how the ledger takes it (seen: day on which the journal appears; day: its posting date); again_seen: a second posting."""


def draw_documents(
    rng: np.random.Generator, lines: pl.DataFrame, plan: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Draw what follows the orders.

    Args:
        rng: seeded generator.
        lines: order lines.
        plan: how each order is fulfilled.

    Returns:
        The order lines with the day on which they are closed, receipt lines and invoice lines.
    """
    parts = _parts(rng, lines, plan)
    receipts = _receipts(parts)
    invoices = _invoices(parts)
    returns, memos = _returns(rng, invoices, parts)
    receipts, invoices = pl.concat([receipts, returns]), pl.concat([invoices, memos])
    closed, cut = _closing_days(rng, lines, plan, receipts, invoices, returns)
    return (
        lines.with_columns(closed_day=pl.Series(closed), cut=pl.col("cut") | pl.Series(cut)),
        receipts.filter(pl.col("day") <= w.LAST_DAY),
        invoices.filter(pl.col("day") <= w.LAST_DAY),
    )


def _parts(rng: np.random.Generator, lines: pl.DataFrame, plan: pl.DataFrame) -> pl.DataFrame:
    """One row per order line and delivered part, with days of its receipt and invoice and its value."""
    grid = lines["grid"].to_numpy()
    delivered = plan["delivered"].to_numpy()
    counts = delivered[grid]
    row = np.repeat(np.arange(len(grid)), counts)
    part = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    slot = (np.cumsum(delivered) - delivered)[grid[row]] + part
    slots = int(delivered.sum())
    draws = {
        "before": rng.integers(-4, 13, size=slots), "document": rng.integers(0, 4, size=slots),
        "approve": rng.integers(0, 2, size=slots), "post": rng.integers(0, 2, size=slots),
        "pay": rng.integers(14, 46, size=slots), "cancel": rng.integers(3, 7, size=slots),
    }  # fmt: skip
    line = lines[row]
    parts_of = plan["parts"].to_numpy()[grid[row]]
    last = plan["last_day"].to_numpy()[grid[row]]
    issued = line["issued_day"].to_numpy()
    receipt_day = issued + 2 + (last - issued - 2) * (part + 1) // parts_of
    short = (plan["delivered"] < plan["parts"]).to_numpy()[grid[row]]
    consolidated = plan["consolidated"].to_numpy()[grid[row]]
    is_last = part == counts[row] - 1
    offset = draws["before"][slot]
    invoice_day = receipt_day + np.where(
        short, np.minimum(np.abs(offset), 1), np.where(consolidated, np.abs(offset), offset)
    )
    quantity, cur = line["q"].to_numpy(), line["cur"].to_numpy()
    step = np.where(quantity % 10 == 0, 10, 5)
    units = quantity // step
    share = plan["share"].to_numpy()[grid[row]]
    used = line["net"].to_numpy() * share // 100
    is_amount = line["ltype"].to_numpy() == w.AMOUNT
    part_q = np.where(is_amount, 0, step * (units * (part + 1) // parts_of - units * part // parts_of))
    amount = used * (part + 1) // parts_of - used * part // parts_of
    net = np.where(is_amount, amount, w.value_of(part_q, line["p"].to_numpy(), cur))
    cost, recoverable = (table[line["ent"].to_numpy(), line["acct"].to_numpy()] for table in w.tax_tables())
    columns = {
        "part": part, "row": row, "is_last": is_last, "consolidated": consolidated,
        "receipt_day": receipt_day, "invoice_day": np.maximum(invoice_day, issued + 2), "part_q": part_q, "part_net": net,
        "part_tax": w.half_up(net * cost, 10_000), "cost_bp": cost, "vat_bp": recoverable,
        "document": draws["document"][slot], "approve": draws["approve"][slot], "post": draws["post"][slot],
        "pay": draws["pay"][slot], "cancel": draws["cancel"][slot],
        "wrong_receipt": plan["wrong_receipt"].to_numpy()[grid[row]] & (part == 0),
        "wrong_invoice": plan["wrong_invoice"].to_numpy()[grid[row]] & is_last,
        "returned": plan["returned"].to_numpy()[grid[row]],
        "received": ~is_amount | (w.RELIEF[line["ent"].to_numpy(), line["ltype"].to_numpy()] == w.RELIEF_RECEIPT),
    }  # fmt: skip
    return line.with_columns(**{name: pl.Series(values) for name, values in columns.items()})


def _receipts(parts: pl.DataFrame) -> pl.DataFrame:
    """Receipts of the parts; one posted in error is cancelled on the next day and posted again."""
    base = parts.filter("received").with_columns(
        rno=pl.col("ono") * DOCUMENTS_PER_ORDER + pl.col("part") * 2, oline="line", q="part_q", rejected=pl.lit(0),
        amount=pl.when(pl.col("ltype") == w.AMOUNT).then("part_net"),
        value=pl.col("part_net") + pl.col("part_tax"), day="receipt_day", cancelled_day=pl.lit(w.NEVER),
    )  # fmt: skip
    wrong = base.filter("wrong_receipt").with_columns(cancelled_day=pl.col("day") + 1)
    again = wrong.with_columns(rno=pl.col("rno") + 1, day=pl.col("day") + 1, cancelled_day=pl.lit(w.NEVER))
    frames = [base.filter(~pl.col("wrong_receipt")), wrong, again]
    return pl.concat([conform(frame, RECEIPT_LINE) for frame in frames])


def _invoices(parts: pl.DataFrame) -> pl.DataFrame:
    """Invoices, one per part or one for all; one posted in error is cancelled, reversed and posted again."""
    accrues = w.RELIEF[parts["ent"].to_numpy(), parts["ltype"].to_numpy()] == w.RELIEF_RECEIPT
    parts = parts.with_columns(
        accrued=pl.Series(np.where(accrues, (parts["part_net"] + parts["part_tax"]).to_numpy(), 0))
    )
    single = parts.filter(~pl.col("consolidated")).with_columns(q="part_q", net="part_net")
    # The last part is the last row of its order line: it carries the sums.
    sums = parts.filter("consolidated").with_columns(
        q=pl.col("part_q").sum().over("row"), net=pl.col("part_net").sum().over("row"),
        accrued=pl.col("accrued").sum().over("row"),
    ).filter("is_last")  # fmt: skip
    is_quantity = (sums["ltype"] == w.QUANTITY).to_numpy()
    whole = w.value_of(sums["q"].to_numpy(), sums["p"].to_numpy(), sums["cur"].to_numpy())
    sums = sums.with_columns(net=pl.Series(np.where(is_quantity, whole, sums["net"].to_numpy())))
    frame = pl.concat([single, sums.select(single.columns)]).with_columns(
        ino=pl.col("ono") * DOCUMENTS_PER_ORDER + pl.col("part") * 2, oline="line", day="invoice_day"
    )
    frame = invoice_defaults(
        frame.with_columns(
            tax=pl.Series(w.half_up((frame["net"] * frame["cost_bp"]).to_numpy(), 10_000)),
            vat=pl.Series(w.half_up((frame["net"] * frame["vat_bp"]).to_numpy(), 10_000)),
            document_day=pl.col("day") - pl.col("document"), approved_day=pl.col("day") + pl.col("approve"),
        )
    ).with_columns(post_seen=pl.col("approved_day") + pl.col("post"), paid_day=pl.col("day") + pl.col("pay"))  # fmt: skip
    wrong = frame.filter("wrong_invoice").with_columns(
        cancelled_day=pl.col("day") + pl.col("cancel"),
        paid_day=pl.lit(w.NEVER),
        reversed_day=pl.col("day") + pl.col("cancel"),
    )
    later = ("day", "approved_day", "post_seen", "post_day", "paid_day")
    again = frame.filter("wrong_invoice").with_columns(
        ino=pl.col("ino") + 1, **{name: pl.col(name) + pl.col("cancel") for name in later}
    )
    frames = [frame.filter(~pl.col("wrong_invoice")), wrong, again]
    return pl.concat([conform(part, INVOICE_LINE) for part in frames])


def invoice_defaults(frame: pl.DataFrame) -> pl.DataFrame:
    """Fill the columns that say how the ledger takes an invoice with the ordinary: once, as it is, on its own day."""
    return frame.with_columns(
        credit=pl.lit(value=False), cancelled_day=pl.lit(w.NEVER), paid_day=pl.lit(w.NEVER), post_seen=pl.col("approved_day"),
        post_day="day", post_delta=pl.lit(0), post_cur="cur", post_acct="acct", post_cc="cc", again_seen=pl.lit(w.NEVER),
        reversed_day=pl.lit(w.NEVER), paper="ino", typed=pl.lit(0),
    )  # fmt: skip


def _returns(
    rng: np.random.Generator, invoices: pl.DataFrame, parts: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A tenth of the first line goes back, and the supplier credits it on the same day."""
    last_invoice = invoices.group_by("ono").agg(after=pl.col("day").max()).join(
        parts.group_by("ono").agg(received=pl.col("receipt_day").max()), on="ono"
    )  # fmt: skip
    back = parts.filter(pl.col("returned") & pl.col("is_last") & (pl.col("line") == 1))
    back = back.join(last_invoice, on="ono", how="left", maintain_order="left")
    days = pl.max_horizontal("after", pl.col("received_right") + 1) + pl.Series(
        rng.integers(5, 21, size=back.height)
    )
    back = back.with_columns(
        day=days, q=-10 * pl.max_horizontal(pl.col("q") // 100, 1), oline="line",
        number=pl.col("ono") * DOCUMENTS_PER_ORDER + RETURN_PART * 2,
    )  # fmt: skip
    net = w.value_of(back["q"].to_numpy(), back["p"].to_numpy(), back["cur"].to_numpy())
    tax = w.half_up(net * back["cost_bp"].to_numpy(), 10_000)
    accrues = w.RELIEF[back["ent"].to_numpy(), back["ltype"].to_numpy()] == w.RELIEF_RECEIPT
    back = back.with_columns(
        net=pl.Series(net), tax=pl.Series(tax), value=pl.Series(net + tax),
        vat=pl.Series(w.half_up(net * back["vat_bp"].to_numpy(), 10_000)),
        accrued=pl.Series(np.where(accrues, net + tax, 0)),
    )  # fmt: skip
    returns = back.with_columns(
        rno="number", rejected=pl.lit(0), amount=pl.lit(None, dtype=pl.Int64), cancelled_day=pl.lit(w.NEVER)
    )
    memos = invoice_defaults(
        back.with_columns(ino="number", document_day="day", approved_day="day")
    ).with_columns(credit=pl.lit(value=True), paid_day=pl.col("day") + pl.col("pay"))
    return (
        conform(returns, RECEIPT_LINE),
        conform(memos, INVOICE_LINE),
    )


def _closing_days(
    rng: np.random.Generator, lines: pl.DataFrame, plan: pl.DataFrame,
    receipts: pl.DataFrame, invoices: pl.DataFrame, returns: pl.DataFrame,
) -> tuple[w.Ints, w.Flags]:  # fmt: skip
    """Day on which each order line is closed, and whether it ends short of what was ordered.

    It is closed after its last document, or early where the rest will not come.
    """
    days = (
        pl.concat([receipts.select("ono", "day"), invoices.select("ono", "day")])
        .group_by("ono")
        .agg(last=pl.col("day").max())
    )
    back = returns.select("ono", returned_on="day", returned_line="oline")
    found = lines.select("ono", "line").join(days, on="ono", how="left", maintain_order="left").join(
        back, on="ono", how="left", maintain_order="left"
    )  # fmt: skip
    last = found["last"].fill_null(w.NEVER).to_numpy()
    grid = lines["grid"].to_numpy()
    after = rng.integers(5, 41, size=plan.height)[grid]
    stays_open = (w.chance(rng, plan.height, 0.2))[grid]
    early = rng.integers(0, 9, size=plan.height)[grid]
    short = (plan["delivered"] < plan["parts"]).to_numpy()[grid]
    closed = np.where(stays_open, w.NEVER, last + after)
    closed = np.where(short, np.maximum(lines["due_day"].to_numpy() + early, last), closed)
    closed = np.where(found["returned_on"].is_not_null().to_numpy(), last, closed)
    lives = (lines["fate"] == BASE).to_numpy()
    is_back = (found["returned_line"] == found["line"]).fill_null(value=False).to_numpy()
    return np.where(lives, np.minimum(closed, w.NEVER), lines["closed_day"].to_numpy()), short | is_back
