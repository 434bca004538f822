"""WHAT is synced: canonical contracts, the table of controls, and reading and validating a deployment.

Belongs here: the product's tables (canonical.yaml, reference.yaml, controls.yaml, currencies.csv) and the
code that checks a deployment against them. Does not: pulling, landing or computing anything.
"""

from finance_sync.catalog.loader import Deployment, Feed, load_deployment
from finance_sync.catalog.models import System
from finance_sync.catalog.product import (
    CanonicalObject,
    Column,
    Control,
    canonical_objects,
    controls,
    currencies,
    minor_units,
    reference_tables,
)
from finance_sync.catalog.types import arrow_type, sql_type

__all__ = [
    "CanonicalObject", "Column", "Control", "Deployment", "Feed", "System", "arrow_type",
    "canonical_objects", "controls", "currencies", "load_deployment", "minor_units", "reference_tables",
    "sql_type",
]  # fmt: skip
