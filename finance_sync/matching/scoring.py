"""How alike two supplier records are: a score of 0 to 100 and the reasons in words.

Belongs here: the measures and how they make a score. Does not: which pairs are compared (pairs), what is done with them
(clusters, proposals). Scores are whole numbers; no amount is touched.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

CHUNK: Final = 200_000
"""Pairs compared at a time: bounds memory to some hundred megabytes."""
_ATTRIBUTES: Final = (
    "name_key", "tax_key", "bank_key", "house_number", "street_key", "postal_key", "country_code", "name_weight",
)  # fmt: skip

SAME_TAX: Final = 95
SAME_BANK: Final = 88
OTHER_TAX: Final = 55
"""Two different tax ids are two suppliers, however alike their names are: never proposed at the usual threshold."""
OTHER_PLACE: Final = 69
"""Same name elsewhere: a branch as likely as a double."""
SAME_PLACE: Final = 95
WITHIN: Final = 85
"""A name that is wholly part of the other one, at the same address."""
NAME_ONLY: Final = 88
"""Same name, and an address missing on one side: proposed, below anything that an address confirms."""


def score_pairs(records: pl.DataFrame, pairs: pl.DataFrame, *, workers: int = 1) -> pl.DataFrame:
    """Score candidate pairs.

    Args:
        records: output of ``prepare_suppliers``.
        pairs: columns ``left``, ``right``.
        workers: threads.

    Returns:
        ``left``, ``right``, ``score``, ``name_score``, ``address_score`` (NULL where an address is missing), all whole numbers
        of 0 to 100, and ``reasons``: a list of words, strongest evidence first.
    """
    scored = [
        _score(records, pairs.slice(start, CHUNK), workers) for start in range(0, max(pairs.height, 1), CHUNK)
    ]
    return pl.concat(scored)


def _score(records: pl.DataFrame, pairs: pl.DataFrame, workers: int) -> pl.DataFrame:
    sides = records.select("row", *_ATTRIBUTES)
    both = pairs.join(sides, left_on="left", right_on="row", maintain_order="left").join(
        sides, left_on="right", right_on="row", suffix="_r", maintain_order="left"
    )
    both = both.with_columns(
        sorted_words=_alike(both["name_key"], both["name_key_r"], "token_sort_ratio", workers),
        within=_alike(both["name_key"], both["name_key_r"], "token_set_ratio", workers),
        street=_alike(both["street_key"], both["street_key_r"], "token_set_ratio", workers),
        shared=_shared_weight(records, pairs),
    )
    both = both.with_columns(address_score=_address_score()).with_columns(name_score=_name_score())
    return both.select(
        "left",
        "right",
        score=_score_of(),
        name_score="name_score",
        address_score="address_score",
        reasons=_reasons(),
    )


def _alike(left: pl.Series, right: pl.Series, measure: str, workers: int) -> pl.Series:
    """Similarity 0 to 100 of two columns of words, element by element in native code."""
    from rapidfuzz import fuzz, process

    if left.is_empty():
        return pl.Series([], dtype=pl.Int32)
    found = process.cpdist(
        left.fill_null("").to_list(), right.fill_null("").to_list(), scorer=getattr(fuzz, measure), dtype=np.uint8,
        workers=workers,
    )  # fmt: skip
    return pl.Series(found).cast(pl.Int32)


def _shared_weight(records: pl.DataFrame, pairs: pl.DataFrame) -> pl.Series:
    """Weight of the name words that both have: rare words weigh more than common ones."""
    words = records.select("row", word=pl.col("name_words"), weight=pl.col("word_weights")).explode(
        "word", "weight"
    )
    numbered = pairs.with_row_index("pair")
    ours = numbered.join(words, left_on="left", right_on="row")
    shared = ours.join(words.select("row", "word"), left_on=["right", "word"], right_on=["row", "word"])
    sums = shared.group_by("pair").agg(pl.col("weight").sum())
    return numbered.join(sums, on="pair", how="left", maintain_order="left")["weight"].fill_null(0)


def _name_score() -> pl.Expr:
    """The better of letters and words: spelling differs in one case, words are left out in the other.

    A name within a longer one counts by the weight of what it has of the longer; at the same address, almost in full.
    """
    lesser = pl.min_horizontal("name_weight", "name_weight_r")
    larger = pl.max_horizontal("name_weight", "name_weight_r")
    contained = (100 * pl.col("shared") // pl.max_horizontal(lesser, 1)).clip(0, 100)
    covered = (100 * pl.col("shared") // pl.max_horizontal(larger, 1)).clip(0, 100)
    words = (contained + covered) // 2
    letters = pl.col("sorted_words")
    spelled = (pl.col("within") + letters) // 2
    there = pl.when(pl.col("address_score") >= SAME_PLACE).then(contained * WITHIN // 100).otherwise(0)
    best = pl.max_horizontal(letters, (words + spelled) // 2, words * 95 // 100, there).clip(0, 99)
    return pl.when(pl.col("name_key") == pl.col("name_key_r")).then(100).otherwise(best).cast(pl.Int32)


def _address_score() -> pl.Expr:
    """Of the street's words when the house numbers agree; another number is another place. NULL when one side has no address."""
    number = pl.col("house_number") == pl.col("house_number_r")
    score = pl.when(number).then(pl.col("street")).otherwise(pl.col("street") * 2 // 5)
    elsewhere = (pl.col("postal_key") != pl.col("postal_key_r")).fill_null(value=False)
    score = pl.when(elsewhere).then(score * 9 // 10).otherwise(score)
    known = (
        pl.col("house_number").is_not_null()
        & pl.col("house_number_r").is_not_null()
        & pl.col("street_key").is_not_null()
        & pl.col("street_key_r").is_not_null()
    )
    return pl.when(known).then(score).cast(pl.Int32)


def _score_of() -> pl.Expr:
    name, address = pl.col("name_score"), pl.col("address_score")
    same_postal = (pl.col("postal_key") == pl.col("postal_key_r")).fill_null(value=False)
    without = name * NAME_ONLY // 100 + pl.when(same_postal).then(4).otherwise(0)
    blended = (6 * name + 4 * address) // 10
    placed = pl.when(address < 60).then(pl.min_horizontal(blended, OTHER_PLACE)).otherwise(blended)  # noqa: PLR2004
    score = pl.when(address.is_null()).then(without).otherwise(placed)
    abroad = (pl.col("country_code") != pl.col("country_code_r")).fill_null(value=False)
    score = pl.when(abroad).then(score - 10).otherwise(score)
    bank = (pl.col("bank_key") == pl.col("bank_key_r")).fill_null(value=False)
    score = pl.when(bank).then(pl.max_horizontal(score, SAME_BANK)).otherwise(score)
    tax = pl.col("tax_key") == pl.col("tax_key_r")
    score = (
        pl.when(tax)
        .then(pl.max_horizontal(score, SAME_TAX))
        .when(~tax)
        .then(pl.min_horizontal(score, OTHER_TAX))
        .otherwise(score)
    )
    return score.clip(0, 100).cast(pl.Int32)


def _reasons() -> pl.Expr:
    name, address = pl.col("name_score"), pl.col("address_score")
    return pl.concat_list(
        _say(pl.col("tax_key") == pl.col("tax_key_r"), "same tax id"),
        _say(pl.col("tax_key") != pl.col("tax_key_r"), "different tax ids"),
        _say(pl.col("bank_key") == pl.col("bank_key_r"), "same bank account"),
        _say(name == 100, "same name"),  # noqa: PLR2004
        _say((name >= 85) & (name < 100), "nearly the same name"),  # noqa: PLR2004
        _say((name >= 60) & (name < 85), "similar name"),  # noqa: PLR2004
        _say(name < 60, "different name"),  # noqa: PLR2004
        _say(address >= SAME_PLACE, "same address"),
        _say((address >= 60) & (address < SAME_PLACE), "similar address"),  # noqa: PLR2004
        _say(address < 60, "different address"),  # noqa: PLR2004
        _say(address.is_null(), "no address to compare"),
        _say(pl.col("country_code") != pl.col("country_code_r"), "different countries"),
    ).list.drop_nulls()


def _say(condition: pl.Expr, words: str) -> pl.Expr:
    return pl.when(condition.fill_null(value=False)).then(pl.lit(words))
