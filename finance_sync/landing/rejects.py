"""Rejected records that wait: which are outstanding, and which a later batch has settled.

Belongs here: reading them over all batches of an object. Does not: rejecting (check), taking them up again (replay).
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pyarrow as pa

from finance_sync.catalog.loader import Deployment
from finance_sync.landing.delta import SETTLED_SCHEMA
from finance_sync.landing.log import list_batches, scan
from finance_sync.landing.manifest import Batch
from finance_sync.landing.writer import REJECTED_FILE
from finance_sync.settings import Settings


def rejects_of(batches: Sequence[Batch], columns: Sequence[str] | None = None) -> pl.DataFrame:
    """Rejected records of an object, one row per record and broken field, with ``is_open``: nothing has settled it yet."""
    wanted = list(columns or REJECTED_FILE)
    parts = [scan(batch.rejected_path).select(wanted).collect() for batch in batches if batch.rows_rejected]
    if not parts:
        return pl.DataFrame(
            schema={**{name: REJECTED_FILE[name] for name in wanted}, "is_open": pl.Boolean()}
        )
    settled = [
        scan(batch.settled_path).select("_batch_seq", "_row_hash").collect()
        for batch in batches
        if batch.rows_settled
    ]
    done = pl.concat(
        [pl.DataFrame(schema={name: SETTLED_SCHEMA[name] for name in ("_batch_seq", "_row_hash")}), *settled]
    ).unique()
    return (
        pl.concat(parts)
        .join(
            done.with_columns(is_open=pl.lit(value=False)),
            on=["_batch_seq", "_row_hash"],
            how="left",
            maintain_order="left",
        )
        .with_columns(pl.col("is_open").fill_null(value=True))
    )


def outstanding_of(batches: Sequence[Batch]) -> pl.DataFrame:
    """Rejected records that wait: _batch_seq, _row_hash, record_key."""
    rows = rejects_of(batches, ["_batch_seq", "_row_hash", "record_key"])
    return rows.filter(pl.col("is_open")).drop("is_open").unique(maintain_order=True)


def outstanding_rejects(
    settings: Settings, deployment: Deployment, system: str | None = None, name: str | None = None
) -> pa.Table:
    """Rejected records that no later batch or replay has settled.

    Args:
        settings: the data home.
        deployment: its systems.
        system: only this system.
        name: only this object.

    Returns:
        system, object, and the columns of rejected.parquet: one row per record and broken field.

    Raises:
        LandingError: the log is damaged.
    """
    parts = []
    for system_name, declared in deployment.systems.items():
        for object_name in declared.objects:
            if system in (None, system_name) and name in (None, object_name):
                rows = (
                    rejects_of(list_batches(settings, system_name, object_name))
                    .filter(pl.col("is_open"))
                    .drop("is_open")
                )
                parts.append(
                    rows.select(
                        pl.lit(system_name).alias("system"), pl.lit(object_name).alias("object"), pl.all()
                    )
                )
    empty = pl.DataFrame(schema={"system": pl.String(), "object": pl.String(), **REJECTED_FILE})
    return pl.concat([empty, *parts]).to_arrow(compat_level=pl.CompatLevel.oldest())
