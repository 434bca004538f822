"""What `finance-sync suppliers` shows and writes: candidates from the warehouse's supplier records.

Belongs here: reading the records, naming both sides of a pair, the CSV of proposed crosswalk rows. Does not: matching
(finance_sync.matching), the command itself (cli).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from finance_sync.errors import WarehouseError
from finance_sync.matching import crosswalk_proposals, supplier_candidates
from finance_sync.matching.suppliers import Candidates
from finance_sync.warehouse.engine import open_warehouse
from finance_sync.warehouse.lock import run_lock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from finance_sync.settings import Settings

# Bank accounts are compared by their fingerprint. A code is taken for whom the crosswalk takes it on the day; several records
# of one supplier stay several, so that a record without a row is found beside each of them.
_RECORDS = """
    select record.source_system, record.supplier_code, code_map.canonical_id as supplier_id, record.supplier_name, record.tax_id,
        record.bank_fingerprint as bank_account, record.address, record.postal_code, record.city, record.country_code
    from canonical.int_supplier_record as record
    left join canonical.int_code_map as code_map
        on code_map.kind = 'supplier' and code_map.system = record.source_system
        and code_map.source_code = record.supplier_code and code_map.canonical_id <> 'UNMAPPED'
        and code_map.valid_from <= date '{day}' and code_map.valid_to >= date '{day}'
    where not record.is_deleted and not record.is_blocked
        and coalesce(record.valid_from <= date '{day}', true) and coalesce(record.valid_to >= date '{day}', true)
"""


@dataclass(frozen=True)
class Found:
    """Candidates and how they are shown.

    Args:
        candidates: all of them.
        shown: one row per pair that passes the filters, best first.
    """

    candidates: Candidates
    shown: pl.DataFrame


def read_suppliers(settings: Settings, day: date) -> pl.DataFrame:
    """Active supplier records of the warehouse on a business date, as ``finance_sync.matching`` wants them.

    Raises:
        WarehouseError: nothing was built yet, or a run is at work.
    """
    with run_lock(settings):
        warehouse = open_warehouse(settings)
        try:
            if not warehouse.exists("canonical", "int_supplier_record"):
                raise WarehouseError("no supplier records were built yet", remedy="run `finance-sync run`")
            # text: an engine returns an empty column without a type
            return pl.DataFrame(warehouse.query(_RECORDS.format(day=day.isoformat()))).cast(pl.String)
        finally:
            warehouse.close()


def find_candidates(
    suppliers: pl.DataFrame,
    *,
    min_score: int,
    systems: Sequence[str] = (),
    reasons: Sequence[str] = (),
    workers: int = 1,
) -> Found:
    """Candidates, and those that pass the filters with both sides named.

    Args:
        suppliers: records.
        min_score: least score.
        systems: a pair has a side in one of them; none is all.
        reasons: words that a pair's reasons must contain, all of them.
        workers: threads.
    """
    found = supplier_candidates(suppliers, threshold=min_score, workers=workers)
    sides = found.records.select("row", "source_system", "supplier_code", "supplier_name", "supplier_id")
    clusters = found.clusters.select("row", "cluster", "guard")
    shown = (
        found.pairs.join(sides, left_on="left", right_on="row")
        .join(sides, left_on="right", right_on="row", suffix="_right")
        .join(clusters, left_on="left", right_on="row", how="left")
        .with_columns(reasons=pl.col("reasons").list.join(", "))
        .sort(["score", "left", "right"], descending=[True, False, False])
    )
    one, other = (
        pl.coalesce(
            f"supplier_id{side}", pl.concat_str(f"source_system{side}", f"supplier_code{side}", separator="|")
        )
        for side in ("", "_right")
    )
    if systems:
        shown = shown.filter(
            pl.col("source_system").is_in(systems) | pl.col("source_system_right").is_in(systems)
        )
    for words in reasons:
        shown = shown.filter(pl.col("reasons").str.contains(words, literal=True))
    # one row per pair of suppliers: the records that show it best
    shown = shown.with_columns(one=pl.min_horizontal(one, other), other=pl.max_horizontal(one, other)).unique(
        ["one", "other"], keep="first", maintain_order=True
    )
    named = shown.select(
        "score", "reasons", left_system="source_system", left_code="supplier_code", left_name="supplier_name",
        right_system="source_system_right", right_code="supplier_code_right", right_name="supplier_name_right",
        left_supplier="supplier_id", right_supplier="supplier_id_right", cluster="cluster", guard="guard",
    )  # fmt: skip
    return Found(found, named)


def write_proposals(found: Found, path: Path, valid_from: date) -> int:
    """Write proposed crosswalk rows as CSV, for a person to accept; returns how many. The deployment is not touched."""
    given = found.candidates
    rows = crosswalk_proposals(given.records, given.clusters, given.pairs, valid_from=valid_from)
    rows.write_csv(path)
    return rows.height
