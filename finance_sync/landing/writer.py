"""Writing the Parquet files of a batch as the records come.

Belongs here: the files' layout. Does not: what is in them (delta), where they end up (log).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
from polars.io.plugins import register_io_source

from finance_sync.landing.check import REJECTED_SCHEMA

ROW_GROUP = 250_000
_BATCH = {"_batch_id": pl.String(), "_batch_seq": pl.Int64()}
REJECTED_FILE: dict[str, pl.DataType] = {**_BATCH, **REJECTED_SCHEMA}


def accepted_schema(fields: Mapping[str, pl.DataType], *, hashed: bool) -> dict[str, pl.DataType]:
    """Columns of accepted.parquet: the contract's fields, undeclared ones, then the log's own."""
    own = {**_BATCH, **({"_row_hash": pl.String()} if hashed else {}), "_deleted": pl.Boolean()}
    return {**fields, **own}


def write_accepted(path: Path, frames: Iterator[pl.DataFrame], schema: Mapping[str, pl.DataType]) -> None:
    """Write frames of one schema as one file. One frame is written at once; more are streamed, so that memory stays small.

    The streaming engine encodes columns in parallel: four seconds for ten million ledger lines where pyarrow's writer takes
    eight (two cores).
    """
    first = next(frames, None)
    second = next(frames, None)
    if second is None:
        frame = first if first is not None else pl.DataFrame(schema=schema)
        frame.select(list(schema)).write_parquet(
            path, compression="zstd", compression_level=1, row_group_size=ROW_GROUP
        )
        return

    def source(
        columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, size: int | None
    ) -> Iterator[pl.DataFrame]:
        del columns, predicate, rows, size  # a plain copy asks for everything
        for frame in chain([first, second], frames):
            assert frame is not None  # noqa: S101 - there are two
            yield frame.select(list(schema))

    register_io_source(source, schema=pl.Schema(schema)).sink_parquet(
        path, compression="zstd", compression_level=1, row_group_size=ROW_GROUP, maintain_order=True
    )


class RejectedWriter:
    """rejected.parquet, appended to as records are rejected. Without any, there is no file."""

    def __init__(self, path: Path, batch_id: str, seq: int) -> None:
        self._path, self._batch_id, self._seq = path, batch_id, seq
        self._writer: Any = None
        self._next = 0

    def add(self, rejected: pl.DataFrame) -> None:
        """Append rows of REJECTED_SCHEMA; record numbers go on from those before."""
        if not rejected.height:
            return
        numbers = rejected["_record_no"].rank("dense").cast(pl.Int64) - 1 + self._next
        self._next = int(numbers.max() or 0) + 1  # type: ignore[arg-type]
        table = (
            rejected.with_columns(
                numbers.alias("_record_no"),
                _batch_id=pl.lit(self._batch_id),
                _batch_seq=pl.lit(self._seq, dtype=pl.Int64),
            )
            .select(list(REJECTED_FILE))
            .to_arrow(compat_level=pl.CompatLevel.oldest())
        )
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema, compression="zstd")
        self._writer.write_table(table)

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.close()
