"""What a layer is made of, as one value: while it stays the same, the layer stands as it is.

Belongs here: the fingerprints of a layer's inputs. Does not: what is built when they change (build), what it reads (scope).
"""

from __future__ import annotations

import json
from datetime import date
from hashlib import sha256

from finance_sync.catalog.loader import Deployment
from finance_sync.landing import tables as landed_tables
from finance_sync.settings import Settings
from finance_sync.warehouse.scope import fact_fingerprint


def canonical_inputs(deployment: Deployment, code: str) -> str:
    """Changes when the canonical models may come out differently from the same batches: rates and all reference tables too."""
    parts = {name: value for name, value in deployment.fingerprints.items() if name.startswith("reference.")}
    parts["facts"] = fact_fingerprint(deployment, code)
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def reconciled_inputs(
    settings: Settings, deployment: Deployment, code: str, as_of: date, canonical: str
) -> str:
    """Changes when the reconciled models may come out differently: canonical build, code, day, deployment, last contacts."""
    digest = sha256(f"{canonical}|{code}|{as_of.isoformat()}|{deployment.fingerprint}".encode())
    # What the models read of the last contacts: the day, and the figures of objects that are not read by cursor (a cursor's
    # figures count by batch).
    whole = {
        (system, name)
        for system, declared in deployment.systems.items()
        for name, spec in declared.objects.items()
        if spec.delta.mode != "cursor"
    }
    for row in landed_tables.check_table(settings, deployment).to_pylist():
        figures = (row["rows_source"], row["rows_seen"]) if (row["system"], row["object"]) in whole else ()
        digest.update(repr((row["system"], row["object"], row["business_date"], *figures)).encode())
    for row in landed_tables.check_total_table(settings, deployment).to_pylist():
        if (row["system"], row["object"]) in whole:
            digest.update(repr(row).encode())
    return digest.hexdigest()
