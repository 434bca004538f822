"""Candidate pairs: records that share a key which few records share (blocking), so that not all pairs are compared.

Belongs here: the blocking rules. Does not: how alike two records are (scoring).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

MAX_BLOCK: Final = 60
"""A key shared by more records says little about identity; it bounds the pairs to records x keys x MAX_BLOCK / 2."""
_EXACT: Final = ("tax_key", "bank_key", "name_key")
_FIRST_LETTERS: Final = 4
_SHORTEST_TOKEN: Final = 3


@dataclass(frozen=True)
class Blocks:
    """Candidate pairs and what was left out.

    Args:
        pairs: columns ``left``, ``right`` (row numbers, left < right), each pair once, in order.
        too_large: rule -> keys shared by more than the limit, which made no pairs.
    """

    pairs: pl.DataFrame
    too_large: dict[str, int]


def candidate_pairs(records: pl.DataFrame, *, max_block: int = MAX_BLOCK) -> Blocks:
    """Pairs of records worth a comparison.

    Two records meet when they share a tax id, a bank account, a normalised name, a rare word of the name, house number and
    street, or the first letters of the name and the postal code.

    Args:
        records: output of ``prepare_suppliers``.
        max_block: a key shared by more records makes no pairs.
    """
    too_large: dict[str, int] = {}
    found = []
    for rule, keys in _rules(records).items():
        usable = keys.filter(pl.col("key").is_not_null()).unique()
        sized = usable.join(usable.group_by("key").len("size"), on="key").filter(pl.col("size") > 1)
        dropped = sized.filter(pl.col("size") > max_block)["key"].n_unique()
        if dropped:
            too_large[rule] = dropped
        small = sized.filter(pl.col("size") <= max_block).select("key", "row")
        found.append(
            small.join(small, on="key", suffix="_right")
            .filter(pl.col("row") < pl.col("row_right"))
            .select(left="row", right="row_right")
            .unique()
        )
    return Blocks(pl.concat(found).unique().sort("left", "right"), too_large)


def _rules(records: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Rule -> its keys, as columns ``row`` and ``key``."""
    rules = {name: records.select("row", key=name) for name in _EXACT}
    words = records.select("row", key=pl.col("name_key").str.split(" ")).explode("key")
    rules["name_word"] = words.filter(pl.col("key").str.len_chars() >= _SHORTEST_TOKEN)
    street = pl.col("house_number") + " " + pl.col("street_key").str.split(" ").list.last()
    rules["address"] = records.select("row", key=street)
    start = pl.col("name_key").str.head(_FIRST_LETTERS) + " " + pl.col("postal_key")
    rules["name_start_and_postal_code"] = records.select("row", key=start)
    return rules
