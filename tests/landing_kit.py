"""Small source systems for the tests of extraction and landing: a deployment of one object, built without YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from finance_sync.catalog.loader import Deployment
from finance_sync.catalog.models import System
from finance_sync.landing import Batch, LandingResult, land_object, list_batches
from finance_sync.settings import Settings, load_settings

LINES = {
    "journal": {"required": True},
    "line": {"type": "integer", "required": True},
    "currency": {"type": "currency", "required": True},
    "amount": {"type": "amount", "currency": "currency", "required": True},
    "posted": {"type": "date"},
    "text": {},
}
CHANGED = {**LINES, "changed": {"type": "timestamp"}}


class Kit:
    """One object ``erp.lines`` and its data home."""

    def __init__(self, folder: Path, **declared: Any) -> None:
        self.source = folder / "source"
        self.source.mkdir(parents=True, exist_ok=True)
        self.settings: Settings = load_settings(home=folder / "home", deployment=folder, threads=2)
        self.declare(**declared)

    def declare(self, **declared: Any) -> None:
        """(Re)declare the object; what is not given is a CSV file read as a snapshot."""
        spec = {
            "read": {"kind": "file", "path": "lines.csv"},
            "key": ["journal", "line"],
            "delta": {"mode": "snapshot"},
            "fields": LINES,
            "control_totals": ["amount"],
            **{key: value for key, value in declared.items() if key not in {"url", "time_zone", "settings"}},
        }
        self.settings = self.settings.model_copy(update=declared.get("settings", {}))
        kind = "sql" if spec["read"]["kind"] == "sql" else "files"
        self.system = System.model_validate(
            {
                "system": "erp", "title": "ERP", "role": "erp", "owner": "gl", "time_zone": declared.get("time_zone", "UTC"),
                "connection": {"kind": kind, "url": declared.get("url", str(self.source))}, "objects": {"lines": spec},
            }
        )  # fmt: skip
        self.deployment = Deployment(
            path=self.settings.deployment, name="t", title="T", group_currency="USD", segments={}, clock=None,
            systems={"erp": self.system}, reference={}, feeds={}, fingerprints={},
        )  # fmt: skip

    def write(self, text: str | bytes, name: str = "lines.csv") -> Path:
        """Put a source file."""
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def land(self, **options: Any) -> LandingResult:
        """Land the object, whatever comes of it."""
        return land_object(self.settings, self.deployment, "erp", "lines", **options)

    def landed(self, **options: Any) -> Batch:
        """Land the object, which must give a batch."""
        result = self.land(**options)
        assert result.status == "landed", result
        assert result.batch is not None
        return result.batch

    def refused(self) -> str:
        """Land the object, which must fail; returns error and remedy."""
        result = self.land()
        assert result.status == "failed", result
        return f"{result.error} -> {result.remedy}"

    @property
    def batches(self) -> list[Batch]:
        return list_batches(self.settings, "erp", "lines")

    def state(self) -> pl.DataFrame:
        """Present records by the log: of each key the latest batch, deletions left out."""
        counted = self.batches[-1:] if self.system.objects["lines"].delta.mode == "full" else self.batches
        parts = [pl.read_parquet(b.accepted_path) for b in counted if b.rows_accepted or b.rows_deleted]
        if not parts:
            return pl.DataFrame()
        key = self.system.objects["lines"].key
        every = pl.concat(parts, how="diagonal").sort("_batch_seq", maintain_order=True)
        return (
            every.unique(subset=key, keep="last", maintain_order=True).filter(~pl.col("_deleted")).sort(key)
        )


def identity_holds(batch: Batch) -> bool:
    """Whether accepted + rejected + unchanged + superseded = seen, in rows and in every control total."""
    rows = (
        batch.rows_accepted + batch.rows_rejected + batch.rows_unchanged + batch.rows_superseded
        == batch.rows_seen
    )
    return rows and all(
        t.accepted + t.rejected + t.unchanged + t.superseded == t.seen for t in batch.control_totals.values()
    )
