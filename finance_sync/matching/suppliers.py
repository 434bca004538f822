"""Supplier candidates from records to pairs and clusters: the one call that the command line and tests make.

Belongs here: preparing records, and the order of the steps. Does not: keys, blocking, scores and clusters themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from finance_sync.matching import keys
from finance_sync.matching.clusters import propose_clusters
from finance_sync.matching.pairs import MAX_BLOCK, candidate_pairs
from finance_sync.matching.scoring import score_pairs

SUPPLIER_COLUMNS: Final = (
    "source_system", "supplier_code", "supplier_id", "supplier_name", "tax_id", "bank_account", "address", "postal_code",
    "city", "country_code",
)  # fmt: skip
"""Columns of a supplier record, all text. supplier_id is the canonical supplier that the code comes to, NULL without one."""
DEFAULT_THRESHOLD: Final = 70
_WEIGHT: Final = 100


@dataclass(frozen=True)
class Candidates:
    """What was found.

    Args:
        records: the prepared records (``row`` and keys).
        pairs: scored pairs (``score_pairs``), those already one canonical supplier left out.
        clusters: proposed clusters (``propose_clusters``).
        too_large: blocking rule -> keys shared by too many records to say anything.
    """

    records: pl.DataFrame
    pairs: pl.DataFrame
    clusters: pl.DataFrame
    too_large: dict[str, int]


def prepare_suppliers(suppliers: pl.DataFrame) -> pl.DataFrame:
    """Number the records and add the keys under which they are compared.

    Args:
        suppliers: SUPPLIER_COLUMNS; missing ones are NULL. ``bank_account`` may be a fingerprint: only equality counts.

    Returns:
        The records in order of system and code, with ``row`` and the keys.
    """
    given = suppliers.with_columns(
        pl.lit(None, pl.String).alias(name) for name in SUPPLIER_COLUMNS if name not in suppliers.columns
    )
    frame = (
        given.select(pl.col(SUPPLIER_COLUMNS).cast(pl.String))
        .sort("source_system", "supplier_code")
        .with_row_index("row")
        .with_columns(
            name_key=keys.name_key(pl.col("supplier_name")),
            tax_key=keys.tax_key(pl.col("tax_id"), pl.col("country_code")),
            bank_key=keys.bank_key(pl.col("bank_account")),
            postal_key=keys.postal_key(pl.col("postal_code")),
            address_words=keys.address_words(pl.col("address")),
        )
        .with_columns(
            house_number=keys.house_number(pl.col("address_words")), street_key=keys.street_key(pl.col("address_words"))
        )
    )  # fmt: skip
    return _weighted(frame.drop("address_words"))


def _weighted(frame: pl.DataFrame) -> pl.DataFrame:
    """Words of the names with a weight each: the rarer, the heavier (a whole number, at least 1)."""
    words = (
        frame.select("row", word=pl.col("name_key").str.split(" "))
        .explode("word")
        .filter(pl.col("word").is_not_null())
        .unique()
    )
    sizes = words.group_by("word").agg(size=pl.len())
    weight = (
        ((pl.lit(max(frame.height, 1)) / pl.col("size")).log(2) * _WEIGHT).cast(pl.Int64).clip(lower_bound=1)
    )
    weighted = words.join(sizes.select("word", weight=weight), on="word").sort("row", "word")
    grouped = weighted.group_by("row", maintain_order=True).agg(
        name_words="word", word_weights="weight", name_weight=pl.col("weight").sum()
    )
    return frame.join(grouped, on="row", how="left", maintain_order="left").with_columns(
        pl.col("name_weight").fill_null(0)
    )


def supplier_candidates(
    suppliers: pl.DataFrame,
    *,
    threshold: int = DEFAULT_THRESHOLD,
    least: int | None = None,
    max_block: int = MAX_BLOCK,
    workers: int = 1,
) -> Candidates:
    """Candidate pairs with score and reasons, and the clusters proposed from them.

    Args:
        suppliers: see ``prepare_suppliers``.
        threshold: least score of a link between two records of a cluster.
        least: pairs below it are left out; default the threshold.
        max_block: see ``candidate_pairs``.
        workers: threads.
    """
    records = prepare_suppliers(suppliers)
    blocks = candidate_pairs(records, max_block=max_block)
    known = records.select("row", "supplier_id")
    apart = (
        blocks.pairs.join(known, left_on="left", right_on="row", maintain_order="left")
        .join(known, left_on="right", right_on="row", suffix="_r", maintain_order="left")
        .filter((pl.col("supplier_id") != pl.col("supplier_id_r")).fill_null(value=True))
        .select("left", "right")
    )
    scored = score_pairs(records, apart, workers=workers)
    kept = scored.filter(pl.col("score") >= (threshold if least is None else min(least, threshold)))
    return Candidates(records, kept, _clusters(records, kept, threshold), blocks.too_large)


def _clusters(records: pl.DataFrame, scored: pl.DataFrame, threshold: int) -> pl.DataFrame:
    """Clusters of pairs and of what is one supplier already; those that are only that propose nothing."""
    owned = records.filter(pl.col("supplier_id").is_not_null()).select("row", "supplier_id")
    known = (
        owned.join(owned, on="supplier_id", suffix="_right")
        .filter(pl.col("row") < pl.col("row_right"))
        .select(left="row", right="row_right", score=pl.lit(100, pl.Int32))
    )
    found = propose_clusters(
        records, pl.concat([scored.select("left", "right", "score"), known]), threshold=threshold
    )
    party = pl.col("supplier_id").fill_null("row " + pl.col("row").cast(pl.String))
    several = (
        found.join(records.select("row", "supplier_id"), on="row", maintain_order="left")
        .with_columns(party=party)
        .filter(pl.col("party").n_unique().over("cluster") > 1)
    )
    return several.select(found.columns)
