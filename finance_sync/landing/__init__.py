"""The append-only batch log: contract check, accepted and rejected records, manifest, watermark, replay.

Belongs here: what is kept of every pull, and judging records against the source contract. Does not: reading sources
(extract), models (dbt), the warehouse.
"""

from finance_sync.landing.land import LandingResult, land_object, land_system
from finance_sync.landing.log import list_batches, object_log
from finance_sync.landing.manifest import Batch, Check, ControlTotal
from finance_sync.landing.rejects import outstanding_rejects
from finance_sync.landing.replay import replay

__all__ = [
    "Batch", "Check", "ControlTotal", "LandingResult", "land_object", "land_system", "list_batches", "object_log",
    "outstanding_rejects", "replay",
]  # fmt: skip
