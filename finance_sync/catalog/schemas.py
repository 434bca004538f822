"""JSON Schema of what a deployment may say, for editors.

Belongs here: docs/schema/*.json as text. Does not: validation itself (pydantic does that, with better
messages).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from finance_sync.catalog.models import DeploymentFile, System
from finance_sync.catalog.product import canonical_objects

MODELS: dict[str, type[BaseModel]] = {"system": System, "deployment": DeploymentFile}


def json_schema(name: str) -> str:
    """JSON Schema (2020-12) of ``system`` (systems/*.yaml) or ``deployment`` (deployment.yaml), as text.

    Raises:
        KeyError: another name.
    """
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **MODELS[name].model_json_schema(mode="validation"),
    }
    if name == "system":
        feeds = schema["$defs"]["SourceObject"]["properties"]["feeds"]
        feeds["items"] = {
            "type": "string",
            "pattern": f"^({'|'.join(canonical_objects())})(:[a-z][a-z0-9_]*)?$",
        }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def write_json_schemas(folder: Path) -> list[Path]:
    """Write ``<name>.schema.json`` for each model into a folder and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name in MODELS:
        path = folder / f"{name}.schema.json"
        path.write_text(json_schema(name), encoding="utf-8")
        paths.append(path)
    return paths
