"""The batch log as tables for the warehouse (schema ``meta``), for all objects of a deployment.

Columns, in order; times are UTC, totals decimal(38,4):

- batch: system, object, batch_id, batch_seq, mode, window_from, window_to, pulled_at, business_date, data_as_of, rows_source,
  rows_seen, rows_accepted, rows_rejected, rows_unchanged, rows_superseded, rows_deleted, schema_fingerprint, contract_version,
  content_hash, new_columns (comma separated), correlation_id, source_statement. One row per batch.
- batch_total: system, object, batch_id, batch_seq, field, total_source, total_seen, total_accepted, total_rejected,
  total_unchanged, total_superseded. One row per batch and control total.
- check: system, object, checked_at, business_date, batch_id, rows_source, rows_seen, source_statement, failed_at, error. One row
  per object that was ever reached; the last contact that succeeded, and the failure since, if any.
- check_total: system, object, field, total_source, total_seen. One row per control total of the last contact.
- rejected_record: system, object, batch_id, batch_seq, record_key, reject_reason, field, value, message, payload, row_hash,
  is_open. One row per rejected record and broken field.

Belongs here: the shape of these tables. Does not: loading them (warehouse).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import polars as pl
import pyarrow as pa

from finance_sync.catalog.loader import Deployment
from finance_sync.landing.check import EXACT
from finance_sync.landing.log import object_log
from finance_sync.landing.manifest import Batch, Check
from finance_sync.landing.rejects import rejects_of
from finance_sync.settings import Settings

_TEXT, _INT, _TIME, _TOTAL = pa.string(), pa.int64(), pa.timestamp("us"), pa.decimal128(38, 4)
_CENT_OF_CENT = Decimal("0.0001")

BATCH = pa.schema([
    ("system", _TEXT), ("object", _TEXT), ("batch_id", _TEXT), ("batch_seq", _INT), ("mode", _TEXT), ("window_from", _TEXT),
    ("window_to", _TEXT), ("pulled_at", _TIME), ("business_date", pa.date32()), ("data_as_of", _TIME), ("rows_source", _INT),
    ("rows_seen", _INT), ("rows_accepted", _INT), ("rows_rejected", _INT), ("rows_unchanged", _INT), ("rows_superseded", _INT),
    ("rows_deleted", _INT), ("schema_fingerprint", _TEXT), ("contract_version", _TEXT), ("content_hash", _TEXT),
    ("new_columns", _TEXT), ("correlation_id", _TEXT), ("source_statement", _TEXT),
])  # fmt: skip
BATCH_TOTAL = pa.schema([
    ("system", _TEXT), ("object", _TEXT), ("batch_id", _TEXT), ("batch_seq", _INT), ("field", _TEXT), ("total_source", _TOTAL),
    ("total_seen", _TOTAL), ("total_accepted", _TOTAL), ("total_rejected", _TOTAL), ("total_unchanged", _TOTAL),
    ("total_superseded", _TOTAL),
])  # fmt: skip
CHECK = pa.schema([
    ("system", _TEXT), ("object", _TEXT), ("checked_at", _TIME), ("business_date", pa.date32()), ("batch_id", _TEXT),
    ("rows_source", _INT), ("rows_seen", _INT), ("source_statement", _TEXT), ("failed_at", _TIME), ("error", _TEXT),
])  # fmt: skip
CHECK_TOTAL = pa.schema([
    ("system", _TEXT), ("object", _TEXT), ("field", _TEXT), ("total_source", _TOTAL), ("total_seen", _TOTAL),
])  # fmt: skip
REJECTED_RECORD = pa.schema([
    ("system", _TEXT), ("object", _TEXT), ("batch_id", _TEXT), ("batch_seq", _INT), ("record_key", _TEXT),
    ("reject_reason", _TEXT), ("field", _TEXT), ("value", _TEXT), ("message", _TEXT), ("payload", _TEXT),
    ("row_hash", _TEXT), ("is_open", pa.bool_()),
])  # fmt: skip


def batch_table(settings: Settings, deployment: Deployment) -> pa.Table:
    """One row per batch (schema BATCH).

    Raises:
        LandingError: the log is damaged.
    """
    return _table(BATCH, (_batch_row(batch) for batch in _batches(settings, deployment)))


def batch_total_table(settings: Settings, deployment: Deployment) -> pa.Table:
    """One row per batch and control total (schema BATCH_TOTAL).

    Raises:
        LandingError: the log is damaged.
    """
    return _table(
        BATCH_TOTAL,
        (
            {
                "system": batch.system, "object": batch.object, "batch_id": batch.batch_id, "batch_seq": batch.seq,
                "field": field, **{f"total_{name}": _four(value) for name, value in total.model_dump().items()},
            }
            for batch in _batches(settings, deployment)
            for field, total in batch.control_totals.items()
        ),
    )  # fmt: skip


def check_table(settings: Settings, deployment: Deployment) -> pa.Table:
    """One row per object that was ever reached (schema CHECK)."""
    return _table(
        CHECK,
        (check.model_dump(include=set(CHECK.names)) for check in _checks(settings, deployment)),
    )


def check_total_table(settings: Settings, deployment: Deployment) -> pa.Table:
    """One row per control total of each object's last contact (schema CHECK_TOTAL)."""
    return _table(
        CHECK_TOTAL,
        (
            {"system": check.system, "object": check.object, "field": field, "total_source": _four(total.source),
             "total_seen": _four(total.seen)}
            for check in _checks(settings, deployment)
            for field, total in check.control_totals.items()
        ),
    )  # fmt: skip


def rejected_table(settings: Settings, deployment: Deployment) -> pa.Table:
    """One row per rejected record and broken field, open and settled (schema REJECTED_RECORD).

    Raises:
        LandingError: the log is damaged.
    """
    parts = [REJECTED_RECORD.empty_table()]
    for system, name in _objects(deployment):
        rows = rejects_of(object_log(settings, system, name).batches())
        if rows.height:
            named = rows.select(
                pl.lit(system).alias("system"), pl.lit(name).alias("object"), pl.col("_batch_id").alias("batch_id"),
                pl.col("_batch_seq").alias("batch_seq"), "record_key", "reject_reason", "field", "value", "message", "payload",
                pl.col("_row_hash").alias("row_hash"), "is_open",
            )  # fmt: skip
            parts.append(named.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(REJECTED_RECORD))
    return pa.concat_tables(parts)


def _objects(deployment: Deployment) -> Iterator[tuple[str, str]]:
    for system, declared in deployment.systems.items():
        for name in declared.objects:
            yield system, name


def _batches(settings: Settings, deployment: Deployment) -> Iterator[Batch]:
    for system, name in _objects(deployment):
        yield from object_log(settings, system, name).batches()


def _checks(settings: Settings, deployment: Deployment) -> Iterator[Check]:
    for system, name in _objects(deployment):
        check = object_log(settings, system, name).check()
        if check.checked_at is not None:
            yield check


def _batch_row(batch: Batch) -> Mapping[str, Any]:
    special: dict[str, Any] = {
        "batch_seq": batch.seq, "content_hash": batch.hashes.get("content"), "new_columns": ",".join(batch.new_columns),
    }  # fmt: skip
    values = batch.model_dump(include=set(BATCH.names))
    return {**values, **special}


def _four(value: Decimal | None) -> Decimal | None:
    """At four decimals. Only a rejected record can have more, and it has them on both sides of a comparison."""
    return None if value is None else value.quantize(_CENT_OF_CENT, context=EXACT)


def _table(schema: pa.Schema, rows: Iterator[Mapping[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=schema)


TABLES: dict[str, Callable[[Settings, Deployment], pa.Table]] = {
    "batch": batch_table, "batch_total": batch_total_table, "check": check_table, "check_total": check_total_table,
    "rejected_record": rejected_table,
}  # fmt: skip
