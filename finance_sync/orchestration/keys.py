"""Names of assets: ``landing/<system>/<object>``, ``<layer>/<model>``, ``publication/<what>``.

Belongs here: the naming, once. Does not: anything else.
"""

from __future__ import annotations

import dagster as dg

PUBLISHED = dg.AssetKey(["publication", "published_marts"])
REGISTER = dg.AssetKey(["publication", "exception_register"])
REPORT = dg.AssetKey(["publication", "run_report"])


def landing_key(system: str, name: str) -> dg.AssetKey:
    """Asset of a landed object."""
    return dg.AssetKey(["landing", system, name])


def model_key(layer: str, name: str) -> dg.AssetKey:
    """Asset of a dbt model."""
    return dg.AssetKey([layer, name])


def object_of(key: dg.AssetKey) -> tuple[str, str] | None:
    """System and object of a landing asset; None for any other."""
    return (key.path[1], key.path[2]) if key.path[0] == "landing" and len(key.path) == 3 else None  # noqa: PLR2004
