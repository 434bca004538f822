"""Matching that sets in SQL do not express well: names and addresses that are nearly the same.

Belongs here: pure functions from frames to frames. Does not: reading the warehouse (cli, orchestration), deciding that two
suppliers are one (a crosswalk row that a person accepted), exact keys of the nightly control (dbt, rec_c18).
"""

from finance_sync.matching.clusters import propose_clusters
from finance_sync.matching.pairs import Blocks, candidate_pairs
from finance_sync.matching.proposals import crosswalk_proposals
from finance_sync.matching.scoring import score_pairs
from finance_sync.matching.suppliers import SUPPLIER_COLUMNS, prepare_suppliers, supplier_candidates

__all__ = [
    "SUPPLIER_COLUMNS", "Blocks", "candidate_pairs", "crosswalk_proposals", "prepare_suppliers", "propose_clusters",
    "score_pairs", "supplier_candidates",
]  # fmt: skip
