"""Column lineage of canonical models, from the catalog: which column of which staging model a column is made of.

Belongs here: what the contract of a canonical object says about its columns' origin. Does not: lineage between
assets (dbt_assets), reading SQL for more than whether a staging model supplies a column.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import dagster as dg

from finance_sync.catalog import CanonicalObject, Deployment, canonical_objects
from finance_sync.catalog.product import dimension_codes
from finance_sync.orchestration.keys import model_key


def column_lineage(
    deployment: Deployment, staging_sql: Mapping[str, str]
) -> dict[str, dg.TableColumnLineage]:
    """Lineage of every canonical model that something feeds.

    Args:
        deployment: its feeds.
        staging_sql: SQL by staging model.

    Returns:
        Lineage by canonical model; a column that a staging model leaves out has no origin there.
    """
    found: dict[str, dg.TableColumnLineage] = {}
    for name, feeds in deployment.feeds.items():
        canonical = canonical_objects()[name]
        origins = _origins(canonical)
        words = {
            feed.staging_model: set(re.findall(r"\w+", staging_sql.get(feed.staging_model, "")))
            for feed in feeds
        }
        lineage = {
            column: [
                dg.TableColumnDep(asset_key=model_key("staging", model), column_name=source)
                for model, supplied in words.items()
                for source in sources
                if source in supplied
            ]
            for column, sources in origins.items()
        }
        lineage = {column: deps for column, deps in lineage.items() if deps}
        if lineage:
            found[canonical.model] = dg.TableColumnLineage(lineage)
    return found


def _origins(canonical: CanonicalObject) -> dict[str, list[str]]:
    """Feed columns that each canonical column is made of."""
    supplied = {column.name for column in canonical.feed_columns}
    origins: dict[str, list[str]] = {}
    for column in canonical.columns:
        name = column.name
        code = next(
            (c.name for c in dimension_codes().values() if name in (c.maps_to, f"parent_{c.maps_to}")), None
        )
        if name in supplied:
            origins[name] = [name]
        elif code is not None:
            origins[name] = [f"parent_{code}" if name.startswith("parent_") else code]
        elif name == "record_key":
            origins[name] = ["source_key"]
        elif name in {"batch_id", "is_deleted"}:
            origins[name] = ["_batch_id" if name == "batch_id" else "_deleted"]
        elif name in {"fiscal_period_id", "fiscal_year"} and (canonical.date or "budget_date") in supplied:
            origins[name] = [canonical.date or "budget_date"]
        elif name in {"amount_functional", "amount_group", "amount_txn"}:
            origins[name] = [
                base
                for base in ("amount_txn", "amount_functional", "amount_net_txn", "amount_tax_txn")
                if base in supplied
            ]
    return origins
