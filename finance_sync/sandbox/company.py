"""The whole company as frames: its life drawn once from seed and scale, in shards of bounded size.

Belongs here: putting orders, documents, journals, plan and planted problems together. Does not: states on a day
(procurement, ledger, planning), writing (store).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from finance_sync.sandbox import world as w
from finance_sync.sandbox.budgets import CELL, budgets, ceilings
from finance_sync.sandbox.casebook import Casebook
from finance_sync.sandbox.documents import draw_documents
from finance_sync.sandbox.journals import draw_own_journals, post_invoices, post_receipts
from finance_sync.sandbox.orders import ORDERS_PER_SCALE, draw_orders
from finance_sync.sandbox.planning import plant_control_file
from finance_sync.sandbox.plants import plant_match, plant_posting
from finance_sync.sandbox.plants_accruals import plant_accruals
from finance_sync.sandbox.plants_books import (
    plant_budgets,
    plant_ledger,
    plant_master_data,
    plant_rates,
    plant_rejects,
)  # fmt: skip
from finance_sync.sandbox.plants_checkpoints import plant_checkpoint, plant_commitments
from finance_sync.sandbox.plants_copies import plant_copies
from finance_sync.sandbox.plants_payables import plant_payables
from finance_sync.sandbox.requisitions import requisitions
from finance_sync.sandbox.stale import plant_stale
from finance_sync.sandbox.suppliers import plant_suppliers

SHARD_SCALE: Final = 20.0
"""Greatest scale of one shard; memory follows it, not the scale of the company."""
_NUMBERS_PER_SHARD: Final = 1_000_000
_FEWEST_ORDERS: Final = 40
_PLAN: Final = 1_000_003
"""Stream of the random numbers of the plan, beside those of the shards."""


@dataclass(frozen=True)
class Shard:
    """A part of the company's documents, for all of its life."""

    orders: pl.DataFrame
    requisitions: pl.DataFrame
    receipts: pl.DataFrame
    invoices: pl.DataFrame
    journals: pl.DataFrame


class Company:
    """The demo company of a seed and a scale.

    Args:
        seed: of all random numbers.
        scale: size; 1 has some 25 thousand journal lines by May 2026.
        planted: False leaves the problems out, so that no control finds anything.
        typed: the source enforces types, so that no record can be unreadable.
    """

    def __init__(self, seed: int, scale: float, *, planted: bool = True, typed: bool = False) -> None:
        self.seed = seed
        self.scale = scale
        self.planted = planted
        self.programs = min(max(1, round(math.sqrt(scale) / 1.5)), w.MAX_PROGRAMS)
        self.book = casebook(scale, typed=typed) if planted else Casebook()

    def shards(self) -> Iterator[Shard]:
        """The shards, one at a time; the same whenever they are asked for. The first holds the planted problems."""
        count = max(1, math.ceil(self.scale / SHARD_SCALE))
        for index in range(count):
            yield self._shard(index, self.scale / count)

    def _shard(self, index: int, scale: float) -> Shard:
        rng = np.random.default_rng([self.seed, index])
        count = max(_FEWEST_ORDERS, round(ORDERS_PER_SCALE * scale))
        first = 1 + index * count
        lines, plan = draw_orders(rng, count, first, self.programs)
        lines, receipts, invoices = draw_documents(rng, lines, plan)
        asked = requisitions(rng, lines, scale, index * _NUMBERS_PER_SHARD, self.programs)
        own = draw_own_journals(rng, scale, 1 + index * _NUMBERS_PER_SHARD, self.programs)
        more = [] if index else [self.book.frames()]
        for frames in more:
            lines = pl.concat([lines, frames["orders"]])
            receipts = pl.concat([receipts, frames["receipts"]])
            invoices = pl.concat([invoices, frames["invoices"]])
            asked = pl.concat([asked, frames["requisitions"]])
            own = pl.concat([own, frames["journals"]])
        payable, paid = post_invoices(invoices)
        journals = pl.concat([post_receipts(receipts), payable, paid, own])
        return Shard(lines, asked, receipts, invoices, journals)

    def plan(self, peaks: list[pl.DataFrame]) -> pl.DataFrame:
        """Budget lines above the peaks of all shards, and the planted ones.

        Args:
            peaks: ``peaks(shard)`` of every shard.
        """
        together = pl.concat(peaks).group_by(CELL).agg(pl.col("peak").sum()).sort(CELL)
        drawn = budgets(np.random.default_rng([self.seed, _PLAN]), together, self.programs)
        return pl.concat([drawn, self.book.frames()["budget_lines"]])


def peaks(shard: Shard) -> pl.DataFrame:
    """What a shard will at most have posted per control cell and period."""
    return ceilings(shard.journals)


def instances(scale: float) -> int:
    """How many instances of each problem are planted: three, and one more for each doubling of the scale."""
    return 3 + int(math.log2(max(scale, 1)))


def casebook(scale: float, *, typed: bool = False) -> Casebook:
    """All planted problems; they depend on the scale alone. A typed source has no unreadable records."""
    book, count = Casebook(), instances(scale)
    plant_match(book, count)
    plant_posting(book, count)
    plant_copies(book, count)
    plant_commitments(book, count)
    plant_accruals(book, count)
    plant_payables(book, count)
    plant_ledger(book, count)
    if not typed:
        plant_rejects(book, count)
    plant_master_data(book, count)
    plant_suppliers(book)
    plant_rates(book, count)
    plant_budgets(book, count)
    plant_checkpoint(book, count)
    plant_control_file(book)
    plant_stale(book)
    return book
