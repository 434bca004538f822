"""What the log says is there now: the landed side that a pull is compared with.

Belongs here: reconstruction of an object's present state from its batches, reading no more columns and rows than needed.
Does not: the comparison (delta).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import polars as pl

from finance_sync.landing.contract import BATCH_COLUMNS, Contract
from finance_sync.landing.hashing import prints
from finance_sync.landing.log import scan
from finance_sync.landing.manifest import Batch

Cursor = datetime | date | int


def cursor_text(value: Cursor | None) -> str | None:
    """A change time as manifests hold it: ISO 8601, UTC without zone."""
    return None if value is None else str(value) if isinstance(value, int) else value.isoformat()


def cursor_value(contract: Contract, text: str | None) -> Cursor | None:
    """The reverse of ``cursor_text``, in the cursor field's type."""
    if text is None or contract.cursor is None:
        return None
    kind = contract.spec.fields[contract.cursor].type
    if kind == "timestamp":
        return datetime.fromisoformat(text)
    return date.fromisoformat(text) if kind == "date" else int(text)


def _with_rows(batches: Sequence[Batch]) -> list[Batch]:
    return [batch for batch in batches if batch.rows_accepted or batch.rows_deleted]


def _aligned(frame: pl.LazyFrame, schema: Mapping[str, pl.DataType]) -> pl.LazyFrame:
    """The columns of a schema, those that the file lacks as nulls, retyped ones converted where they can be."""
    have = frame.collect_schema()
    return frame.with_columns(
        (pl.lit(None, dtype=kind) if name not in have else pl.col(name).cast(kind, strict=False)).alias(name)
        for name, kind in schema.items()
        if have.get(name) != kind
    )


def key_state(contract: Contract, batches: Sequence[Batch]) -> pl.DataFrame:
    """Present state by key, for snapshots: k1, k2 (prints of the key), _row_hash, _deleted, _batch_seq. Reads no other column."""
    keys = {name: contract.schema[name] for name in contract.key}
    parts = []
    for batch in _with_rows(batches):
        lazy = _aligned(scan(batch.accepted_path), {**keys, "_row_hash": pl.String()})
        frame = lazy.select([*keys, "_row_hash", "_deleted"]).collect()
        parts.append(
            pl.concat(
                [prints(frame, contract.key, "k"), frame.select("_row_hash", "_deleted")], how="horizontal"
            ).with_columns(_batch_seq=pl.lit(batch.seq, dtype=pl.Int64))
        )
    if not parts:
        return pl.DataFrame(
            schema={
                "k1": pl.UInt64,
                "k2": pl.UInt64,
                "_row_hash": pl.String,
                "_deleted": pl.Boolean,
                "_batch_seq": pl.Int64,
            }
        )
    return latest(parts)


def latest(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The last version of each key, of parts in order of landing."""
    if len(parts) == 1:
        return parts[0]
    return pl.concat(parts).unique(subset=["k1", "k2"], keep="last", maintain_order=True)


def record_state(
    contract: Contract, schema: Mapping[str, pl.DataType], batches: Sequence[Batch], start: Cursor | None
) -> pl.DataFrame:
    """Present state by key and whole record: k1, k2, h1, h2 (prints of key and record) and, in cursor mode, the change time.

    Args:
        contract: the contract.
        schema: columns of the pull that it will be compared with.
        batches: in order; only those are read that have a change time not below ``start``.
        start: lower end of the window; None: everything.
    """
    columns = {name: kind for name, kind in schema.items() if name not in BATCH_COLUMNS}
    cursor = contract.cursor
    parts = []
    for batch in _with_rows(batches):
        high = cursor_value(contract, batch.cursor_max)
        if start is not None and high is not None and high < start:  # type: ignore[operator]
            continue
        lazy = _aligned(scan(batch.accepted_path), columns)
        if start is not None and cursor is not None:
            lazy = lazy.filter(pl.col(cursor) >= start)
        for frame in lazy.select(list(columns)).collect_batches(maintain_order=True):
            wanted = [prints(frame, contract.key, "k"), prints(frame, list(columns), "h")]
            parts.append(pl.concat([*wanted, *([frame.select(cursor)] if cursor else [])], how="horizontal"))
    if not parts:
        named = {"k1": pl.UInt64(), "k2": pl.UInt64(), "h1": pl.UInt64(), "h2": pl.UInt64()}
        return pl.DataFrame(schema={**named, **({cursor: contract.schema[cursor]} if cursor else {})})
    return pl.concat(parts).unique(subset=["k1", "k2"], keep="last", maintain_order=True)


def records_of(
    contract: Contract, schema: Mapping[str, pl.DataType], batches: Sequence[Batch], wanted: pl.DataFrame
) -> pl.DataFrame:
    """Whole records as landed last, for the keys in ``wanted`` (k1, k2, _batch_seq)."""
    columns = {name: kind for name, kind in schema.items() if name not in BATCH_COLUMNS}
    hashed = {"_row_hash": pl.String()}
    parts = [pl.DataFrame(schema={**columns, **hashed})]
    for batch in _with_rows(batches):
        here = wanted.filter(pl.col("_batch_seq") == batch.seq)
        if here.height:
            frame = (
                _aligned(scan(batch.accepted_path), {**columns, **hashed})
                .select([*columns, *hashed])
                .collect()
            )
            marked = pl.concat([frame, prints(frame, contract.key, "k")], how="horizontal")
            parts.append(
                marked.join(here.select("k1", "k2"), on=["k1", "k2"], how="semi").select([*columns, *hashed])
            )
    return pl.concat(parts)


def whole_records(schema: Mapping[str, pl.DataType], batches: Sequence[Batch]) -> pl.DataFrame:
    """Present content of an object read in full: its last batch."""
    columns = {name: kind for name, kind in schema.items() if name not in BATCH_COLUMNS}
    parts = [
        _aligned(scan(batch.accepted_path), columns).select(list(columns)).collect()
        for batch in _with_rows(batches[-1:])
    ]
    return pl.concat([pl.DataFrame(schema=columns), *parts])
