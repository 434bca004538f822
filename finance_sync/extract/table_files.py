"""Readers of files with their own types: Parquet and XLSX.

Belongs here: reading them without a float slipping into a number unseen. Does not: what a value means (landing.convert).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from finance_sync.catalog.models import FieldSpec, FileRead, NumberFormat
from finance_sync.errors import SourceError
from finance_sync.extract.pull import PAGE_ROWS, Cursor, Page
from finance_sync.extract.scan import count_sheet_rows, require_magic

_NUMBERS = {"amount", "price", "quantity", "rate", "integer"}
_TIMES = {"date", "timestamp"}
# Below it, fifteen significant digits reach four decimals, so dropping Excel's binary noise cannot touch an amount.
_NOISE_FREE = 1e11


def parquet_schema(path: Path, name: str, where: str) -> dict[str, pl.DataType]:
    """Columns and types of a Parquet file.

    Raises:
        SourceError: it is no Parquet file, or cut off.
    """
    require_magic(path, name, where, "parquet")
    try:
        return dict(pl.read_parquet_schema(path))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise _damaged(name, where, error) from error


def parquet_digest(path: Path) -> str:
    """SHA-256 of the footer: sizes, places and statistics of everything in the file."""
    with path.open("rb") as handle:
        handle.seek(-8, os.SEEK_END)
        length = int.from_bytes(handle.read(4), "little")
        handle.seek(-8 - length, os.SEEK_END)
        return hashlib.sha256(handle.read(length)).hexdigest()


def parquet_rows(path: Path, since: tuple[str, Cursor] | None) -> int:
    """Rows by the file's own footer; those of a window by another reader than the one that reads the records."""
    if since is None:
        import pyarrow.parquet as pq

        return int(pq.read_metadata(path).num_rows)
    import pyarrow.dataset as ds

    column = ds.field(since[0])
    return int(ds.dataset(path, format="parquet").count_rows(filter=(column >= since[1]) | column.is_null()))


def parquet_pages(
    path: Path, name: str, where: str, since: tuple[str, Cursor] | None, *, unseen: bool
) -> Iterator[Page]:
    """Rows of a Parquet file, typed, in its order.

    Args:
        path: the file.
        name: its name, for messages.
        where: system and object, for messages.
        since: column and lowest value of the window; rows without a value there are in it. None: all rows.
        unseen: the file was never read before.

    Raises:
        SourceError: the file is damaged.
    """
    lazy = pl.scan_parquet(path)
    if since is not None:
        lazy = lazy.filter((pl.col(since[0]) >= since[1]) | pl.col(since[0]).is_null())
    try:
        for frame in lazy.collect_batches(chunk_size=PAGE_ROWS, maintain_order=True):
            if frame.height:
                yield Page(frame, unseen=unseen)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise _damaged(name, where, error) from error


def _damaged(name: str, where: str, error: BaseException) -> SourceError:
    return SourceError(
        f"{where}: {name} is damaged or was cut off: {str(error).splitlines()[0]}",
        remedy="have the file delivered again",
    )


class Workbook:
    """One sheet of an XLSX workbook.

    Numbers in cells are binary floats. Where all cells of a column are numbers or times they come typed, so that the contract
    can judge them as what they are; else as text. A column of a numeric field that mixes both comes as text, its numbers
    written plainly - which needs a plain number format, as nothing else could tell 1.234 from 1.234.
    """

    def __init__(
        self, path: Path, name: str, read: FileRead, fields: Mapping[str, FieldSpec], where: str
    ) -> None:
        import fastexcel

        require_magic(path, name, where, "xlsx")
        self._path, self._name, self._read, self._where = path, name, read, where
        self._kinds = {(spec.header or field).strip(): spec.type for field, spec in fields.items()}
        try:
            self._book: Any = fastexcel.read_excel(path)
            self.sheet: str = read.sheet or self._book.sheet_names[0]
            if self.sheet not in self._book.sheet_names:
                raise SourceError(
                    f"{where}: {name} has no sheet {self.sheet!r}; it has: {', '.join(self._book.sheet_names)}",
                    remedy="correct `sheet` in the object's `read`",
                )
            self.frame = self._load()
        except fastexcel.FastExcelError as error:
            raise SourceError(
                f"{where}: {name} is no readable workbook: {str(error).splitlines()[0]}",
                remedy="have it delivered again, as XLSX and without a password",
            ) from error

    @property
    def rows(self) -> int | None:
        """Rows with content by the workbook's XML, header and skipped rows left out."""
        found = count_sheet_rows(self._path, self.sheet)
        return None if found is None else max(found - self._read.skip_rows - int(self._read.has_header), 0)

    def _load(self) -> pl.DataFrame:
        typed = self._sheet(schema_sample_rows=None)
        texts = self._sheet(dtypes="string")
        if not self._read.has_header:
            names = {old: f"column_{number}" for number, old in enumerate(texts.columns, start=1)}
            typed, texts = typed.rename(names), texts.rename(names)
        columns = [self._column(name, typed[name], texts[name]) for name in texts.columns]
        frame = pl.DataFrame(columns)
        return frame.filter(~pl.all_horizontal(pl.all().is_null())) if columns else frame

    def _sheet(self, **options: Any) -> pl.DataFrame:
        header = self._read.skip_rows if self._read.has_header else None
        skip = None if self._read.has_header or not self._read.skip_rows else self._read.skip_rows
        frame: pl.DataFrame = self._book.load_sheet(
            self.sheet, header_row=header, skip_rows=skip, **options
        ).to_polars()
        return frame

    def _column(self, name: str, typed: pl.Series, text: pl.Series) -> pl.Series:
        kind = self._kinds.get(name.strip(), "text")
        if kind in _NUMBERS:
            if typed.dtype.is_float():
                return _without_noise(typed)
            if typed.dtype.is_integer():
                return typed
            return self._mixed(name, text)
        if kind in _TIMES and typed.dtype in (pl.Date, pl.Datetime):
            return typed
        return text

    def _mixed(self, name: str, text: pl.Series) -> pl.Series:
        cells = (
            self._sheet(dtypes={name: "float"}, use_columns=[name])[name] if self._read.has_header else None
        )
        if cells is None or cells.null_count() == len(cells):
            return text
        import fastexcel

        try:
            self._sheet(dtype_coercion="strict", use_columns=[name], schema_sample_rows=None)
        except fastexcel.UnsupportedColumnTypeCombinationError as error:
            if self._read.numbers != NumberFormat():
                raise SourceError(
                    f"{self._where}: column {name!r} of {self._name} has numbers in some cells and texts in others, so that the "
                    "declared number format cannot be applied",
                    remedy="have the column formatted as numbers, or as texts, throughout",
                ) from error
            plain = _without_noise(cells).cast(pl.String)
            exact = cells.is_not_null() & (
                cells.abs() < _NOISE_FREE
            )  # beyond it the text shows every binary digit
            return plain.zip_with(exact, text).alias(name)
        return text


def _without_noise(cells: pl.Series) -> pl.Series:
    """Numbers as Excel itself shows them: fifteen significant digits, where that cannot touch four decimals."""
    return (
        cells.to_frame()
        .select(
            pl.when(pl.first().abs() < _NOISE_FREE)
            .then(pl.first().round_sig_figs(15))
            .otherwise(pl.first())
            .alias(cells.name)
        )
        .to_series()
    )
