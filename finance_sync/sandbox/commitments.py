"""The ledger's own list of commitments on a day: what it carries as open per order line.

Belongs here: the list, derived from orders and the documents that relieve them, by the relief point at which the ledger
posts; what is planted in it. Does not: which problems are planted (plants_checkpoints).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import polars as pl

from finance_sync.sandbox import world as w
from finance_sync.sandbox.orders import BASE, CANCELLED
from finance_sync.sandbox.text import amounts, codes, dates, last_day, numbers, times

_COMPANIES: Final = tuple(entity.code for entity in w.ENTITIES)
_KEY: Final = ("ono", "line")
CHANGE: Final = {
    "ono": pl.Int64, "line": pl.Int64, "percent": pl.Int64, "kept": pl.Boolean, "other_cur": pl.Int64, "until": pl.Int64,
}  # fmt: skip
"""Planted changes of lines. percent: of the open amount that the ledger carries, 0 leaves the line out; kept: it carries what
was ordered, whatever came or was closed; other_cur: currency index it carries it in, -1 the order's; until: day on which the
ledger is put right."""
EXTRA: Final = {
    "ono": pl.Int64,
    "line": pl.Int64,
    "ent": pl.Int64,
    "cur": pl.Int64,
    "open": pl.Int64,
    "day": pl.Int64,
}
"""Planted lines of orders that do not exist. open: minor units; day: since when it stands there."""


def commitments(
    orders: pl.DataFrame, receipts: pl.DataFrame, invoices: pl.DataFrame, today: int,
    changes: Sequence[Mapping[str, Any]], unreadable: Mapping[str, Any],
) -> pl.DataFrame:  # fmt: skip
    """The list of one shard.

    Args:
        orders: order lines.
        receipts: receipt lines.
        invoices: invoice lines.
        today: the day.
        changes: planted changes (CHANGE).
        unreadable: keys of order lines ("number|line") that procurement cannot hand over, so that the ledger never got them.
    """
    known = orders.filter(
        pl.col("fate").is_in([BASE, CANCELLED]) & (pl.col("ent") < len(w.ENTITIES))
        & (pl.col("seen_day") <= today) & (pl.col("approved_day") <= today)
    )  # fmt: skip
    if unreadable:
        name = pl.Series(numbers(known["ono"], "PO", 8)) + "|" + known["line"].cast(pl.String)
        known = known.filter(~name.is_in(list(unreadable)))
    changed = pl.col("change_day") <= today
    known = known.with_columns(
        pl.when(changed).then(pl.col(name)).otherwise(pl.col(f"{name}0")).alias(name)
        for name in ("q", "net", "tax")
    )
    came = _came(known, receipts, invoices, today)
    lines = known.join(came, on=_KEY, how="left", maintain_order="left").with_columns(
        pl.col("came").fill_null(0), pl.col("moved_day").fill_null(w.FIRST_DAY)
    )
    lines = lines.join(
        pl.DataFrame(list(changes), schema=CHANGE, orient="row"), on=_KEY, how="left", maintain_order="left"
    ).with_columns(
        percent=pl.when(pl.col("until") > today).then("percent").fill_null(100),
        kept=(pl.when(pl.col("until") > today).then("kept")).fill_null(value=False),
        other_cur=pl.when(pl.col("until") > today).then("other_cur").fill_null(-1),
        until=pl.col("until").fill_null(w.NEVER),
    )  # fmt: skip
    quantity = (lines["ltype"] == w.QUANTITY).to_numpy()
    whole = np.where(quantity, lines["q"].to_numpy(), lines["net"].to_numpy())
    ordered = (lines["net"] + lines["tax"]).to_numpy()
    done = np.minimum(np.maximum(lines["came"].to_numpy(), 0), whole)
    left = ordered - w.half_up(w.as_ints(ordered * done), w.as_ints(np.maximum(whole, 1)))
    left = np.where((lines["closed_day"] <= today).to_numpy(), 0, left)
    left = np.where(lines["kept"].to_numpy(), ordered, left)
    left = w.half_up(w.as_ints(left * lines["percent"].to_numpy()), 100)
    day = last_day(lines, ("approved_day", "change_day", "closed_day", "moved_day", "until"), today)
    kept_day = pl.Series(np.where(lines["kept"].to_numpy(), lines["approved_day"].to_numpy(), day.to_numpy()))
    cur = pl.Series(
        np.where(lines["other_cur"].to_numpy() < 0, lines["cur"].to_numpy(), lines["other_cur"].to_numpy())
    )
    frame = lines.select(*_KEY, "ent").with_columns(cur=cur, open=pl.Series(left), day=kept_day)
    return _table(frame.filter(lines["percent"] > 0))


def extra_commitments(rows: Sequence[Mapping[str, Any]], today: int) -> pl.DataFrame:
    """Planted lines (EXTRA) of orders that do not exist, on a day."""
    frame = pl.DataFrame(list(rows), schema=EXTRA, orient="row")
    return _table(frame.filter(pl.col("day") <= today))


def _came(known: pl.DataFrame, receipts: pl.DataFrame, invoices: pl.DataFrame, today: int) -> pl.DataFrame:
    """What has come for each order line at the ledger's relief point, and the day on which that last changed."""
    line = ("ono", "oline", "ent", "ltype", "cur")
    of_receipts = receipts.filter(pl.col("day") <= today).select(
        *line, "q", pl.col("amount").fill_null(0).alias("net"), moved=last_day(
            receipts.filter(pl.col("day") <= today), ("day", "cancelled_day"), today
        ), counts=pl.col("cancelled_day") > today, point=pl.lit(w.RELIEF_RECEIPT),
    )  # fmt: skip
    seen = invoices.filter((pl.col("day") <= today) & (pl.col("approved_day") <= today))
    of_invoices = seen.select(
        *line, "q", "net", moved=last_day(seen, ("day", "approved_day", "cancelled_day"), today),
        counts=pl.col("cancelled_day") > today, point=pl.lit(w.RELIEF_INVOICE),
    )  # fmt: skip
    documents = pl.concat([of_receipts, of_invoices], how="vertical_relaxed")
    coding = known.select(
        "ono", pl.col("line").alias("oline"), pl.col("ent").alias("own"), pl.col("ltype").alias("kind")
    )
    documents = documents.join(coding, on=("ono", "oline"), how="inner", maintain_order="left")
    relief = w.RELIEF[documents["own"].to_numpy(), documents["kind"].to_numpy()]
    documents = documents.filter(pl.col("point") == pl.Series(relief))
    part = pl.when(pl.col("kind") == w.QUANTITY).then("q").otherwise("net")
    return documents.group_by("ono", pl.col("oline").alias("line")).agg(
        came=pl.when("counts").then(part).otherwise(0).sum(), moved_day=pl.col("moved").max()
    )


def _table(frame: pl.DataFrame) -> pl.DataFrame:
    """The source table's columns; ``_day`` is the day of the row's last change."""
    return pl.DataFrame(
        {
            "po_number": numbers(frame["ono"], "PO", 8), "po_line": frame["line"], "company": codes(frame["ent"], _COMPANIES),
            "currency": codes(frame["cur"], w.CURRENCIES), "open_amount": amounts(frame["open"], frame["cur"]),
            "moved_on": dates(frame["day"]), "changed_at": times(frame["day"], frame["ono"] * 8 + frame["line"]),
            "_day": frame["day"],
        }
    )  # fmt: skip
