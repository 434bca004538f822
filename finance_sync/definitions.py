"""What Dagster loads (see workspace.yaml): the definitions of the deployment that the environment names.

Belongs here: one call. Does not: anything that is done at import; Dagster calls the function when it needs
it.
"""

from __future__ import annotations

import dagster as dg

from finance_sync.orchestration.jobs import load_definitions
from finance_sync.settings import load_settings, telemetry_off


@dg.definitions
def defs() -> dg.Definitions:
    """Definitions of the deployment and data home that the environment names."""
    telemetry_off()
    return load_definitions(load_settings())
