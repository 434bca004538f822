"""Crosswalk rows that a person may accept: what would make the records of a cluster one canonical supplier.

Belongs here: the rows of reference/crosswalk.csv as a proposal. Does not: writing them into a deployment, which people do.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import polars as pl

CROSSWALK_COLUMNS: Final = (
    "system", "kind", "source_code", "canonical_code", "valid_from", "valid_to", "reason", "owner",
)  # fmt: skip


def crosswalk_proposals(
    records: pl.DataFrame, clusters: pl.DataFrame, pairs: pl.DataFrame, *, valid_from: date
) -> pl.DataFrame:
    """Rows for reference/crosswalk.csv, one per record of a cluster that would come to another canonical supplier.

    The canonical supplier is that of the first record which has one, the centre first. A cluster without any proposes nothing:
    create the supplier in the system of record first.

    Args:
        records: output of ``prepare_suppliers``.
        clusters: output of ``propose_clusters``.
        pairs: output of ``score_pairs``, for the reasons.
        valid_from: first day of the new rows.

    Returns:
        CROSSWALK_COLUMNS; ``owner`` is empty for the person who accepts, and ``reason`` begins with ``proposed``.
    """
    members = clusters.join(
        records.select("row", "source_system", "supplier_code", "supplier_id"), on="row"
    ).with_columns(is_centre=pl.col("row") == pl.col("centre"))
    target = (
        members.filter(pl.col("supplier_id").is_not_null())
        .sort(["cluster", "is_centre", "row"], descending=[False, True, False])
        .group_by("cluster", maintain_order=True)
        .agg(canonical_code=pl.col("supplier_id").first())
    )
    moved = members.join(target, on="cluster").filter(
        (pl.col("supplier_id") != pl.col("canonical_code")).fill_null(value=True)
    )
    moved = moved.drop("score").join(_evidence(members, moved, pairs), on="row", how="left")
    # linked to others of its cluster only, never to a record of the supplier itself
    because = pl.col("reasons").list.join(", ").fill_null("through others of its cluster")
    score = pl.col("score").cast(pl.String).fill_null("none")
    replaces = pl.when(pl.col("supplier_id").is_not_null()).then(
        pl.lit("; until now ") + pl.col("supplier_id")
    )
    look = pl.when(pl.col("guard") != "").then(pl.lit("; look twice, ") + pl.col("guard"))
    reason = pl.concat_str(
        pl.lit("proposed, score "), score, pl.lit(": "), because,
        replaces.fill_null(""), look.fill_null(""),
    )  # fmt: skip
    return moved.sort("cluster", "row").select(
        system="source_system", kind=pl.lit("supplier"), source_code="supplier_code", canonical_code="canonical_code",
        valid_from=pl.lit(valid_from.isoformat()), valid_to=pl.lit(None, pl.String), reason=reason, owner=pl.lit(None, pl.String),
    )  # fmt: skip


def _evidence(members: pl.DataFrame, moved: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Best pair of each moved record with a record of the supplier that it would come to."""
    both = pl.concat(
        [
            pairs.select(row="left", other="right", score="score", reasons="reasons"),
            pairs.select(row="right", other="left", score="score", reasons="reasons"),
        ]
    )
    owner = members.select(other="row", canonical_code="supplier_id")
    return (
        moved.select("row", "canonical_code")
        .join(both, on="row")
        .join(owner, on=["other", "canonical_code"])
        .sort(["row", "score", "other"], descending=[False, True, False])
        .group_by("row", maintain_order=True)
        .agg(pl.col("score").first(), pl.col("reasons").first())
    )
