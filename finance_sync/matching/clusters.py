"""Clusters: records that are proposed to be one supplier, from scored pairs.

Belongs here: connected components and their guard. Does not: scores; merging, which nothing here does.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

NO_GUARD: Final = ""
CHAIN: Final = "cut out of a chain"
TAX_IDS: Final = "its members have different tax ids"


def propose_clusters(records: pl.DataFrame, scored: pl.DataFrame, *, threshold: int) -> pl.DataFrame:
    """Clusters of records linked by pairs at or above a threshold.

    Connected components alone would chain (A like B, B like C, C like D ... and A nothing like D). So a component is taken
    apart around centres: the record with the most links, with the records linked to it directly; what is left of the component
    makes clusters of its own.

    Args:
        records: output of ``prepare_suppliers``.
        scored: output of ``score_pairs``.
        threshold: least score of a link.

    Returns:
        One row per clustered record: ``row``, ``cluster`` (row number of its first record), ``centre`` (row number), ``score``
        (of its link to the centre; 100 for the centre) and ``guard``: why a person should look twice, else an empty text.
    """
    links = scored.filter(pl.col("score") >= threshold).select("left", "right", "score")
    found: list[pl.DataFrame] = []
    component = _components(links)
    linked = component.group_by("component").agg(linked=pl.len())
    while links.height:
        stars = _stars(links)
        found.append(stars)
        taken = stars.select("row")
        links = links.join(taken, left_on="left", right_on="row", how="anti").join(
            taken, left_on="right", right_on="row", how="anti"
        )
    if not found:
        return _empty()
    members = pl.concat(found)
    named = members.join(members.group_by("centre").agg(cluster=pl.col("row").min()), on="centre")
    whole = named.join(component, on="row").join(linked, on="component")
    chained = pl.len().over("cluster") < pl.col("linked")
    taxed = whole.join(records.select("row", "tax_key"), on="row").with_columns(
        taxes=pl.col("tax_key").drop_nulls().n_unique().over("cluster")
    )
    guard = pl.when(pl.col("taxes") > 1).then(pl.lit(TAX_IDS)).when(chained).then(pl.lit(CHAIN))
    return taxed.select(
        "row", "cluster", "centre", "score", guard=guard.otherwise(pl.lit(NO_GUARD))
    ).sort("cluster", "row")  # fmt: skip


def _empty() -> pl.DataFrame:
    return pl.DataFrame(
        schema={"row": pl.UInt32, "cluster": pl.UInt32, "centre": pl.UInt32, "score": pl.Int32, "guard": pl.String}
    )  # fmt: skip


def _stars(links: pl.DataFrame) -> pl.DataFrame:
    """Centres that stand better than all their neighbours, with their neighbours; at least one per component."""
    both = _both_ways(links)
    standing = both.group_by("row").agg(degree=pl.len(), total=pl.col("score").sum())
    # One number that orders: more links, then a higher sum, then the first row. All different, so no two neighbours tie.
    ordered = standing.sort(["degree", "total", "row"], descending=[True, True, False]).with_row_index("rank")
    ranks = ordered.select("row", "rank")
    # A record goes to the best-ranked centre among its neighbours; a centre is best ranked within two steps.
    near = both.join(ranks, left_on="other", right_on="row").join(ranks, on="row", suffix="_own")
    reach = near.group_by("row").agg(best=pl.min_horizontal(pl.col("rank").min(), pl.col("rank_own").first()))
    beyond = (
        both.join(reach, left_on="other", right_on="row")
        .group_by("row")
        .agg(best=pl.col("best").min())
        .join(ranks, on="row")
    )
    centres = beyond.filter(pl.col("rank") <= pl.col("best")).select(centre="row")
    around = both.join(centres, left_on="other", right_on="centre", how="semi").select(
        "row", centre="other", score="score"
    )
    own = centres.select(row="centre", centre="centre", score=pl.lit(100, pl.Int32))
    return pl.concat([own, around])


def _both_ways(links: pl.DataFrame) -> pl.DataFrame:
    return pl.concat(
        [
            links.select(row="left", other="right", score="score"),
            links.select(row="right", other="left", score="score"),
        ]
    )


def _components(links: pl.DataFrame) -> pl.DataFrame:
    """Connected components: each row's smallest reachable row, by propagating minima with pointer jumping."""
    rows = pl.concat([links["left"], links["right"]]).unique().sort()
    if rows.is_empty():
        return pl.DataFrame({"row": rows, "component": rows})
    position = {"left": rows.search_sorted(links["left"]), "right": rows.search_sorted(links["right"])}
    left, right = (position[side].to_numpy().astype(np.int64) for side in ("left", "right"))
    label = np.arange(len(rows))
    while True:
        before = label.copy()
        np.minimum.at(label, left, label[right])
        np.minimum.at(label, right, label[left])
        label = label[label]
        if np.array_equal(before, label):
            break
    return pl.DataFrame({"row": rows, "component": rows.gather(label)})
