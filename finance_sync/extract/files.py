"""An object read from files: the pull that puts locating, first look and readers together.

Belongs here: which reader, which files, and what the source says it has (control file or independent count).
Does not: cutting records (text_files, table_files), remembering earlier pulls (landing).
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import cached_property
from pathlib import Path, PurePosixPath

import polars as pl
from typing_extensions import override

from finance_sync.catalog.models import FileRead, SourceObject, System
from finance_sync.errors import SourceError
from finance_sync.extract import text_files
from finance_sync.extract.columns import column_of
from finance_sync.extract.connection import Address
from finance_sync.extract.locate import Local, Stored, localise, locate, workspace
from finance_sync.extract.pull import (
    Cursor,
    FileFacts,
    Page,
    Physical,
    Pull,
    Statement,
    Window,
    physical_class,
)
from finance_sync.extract.scan import sha256_of
from finance_sync.extract.sql import local_start
from finance_sync.extract.table_files import (
    Workbook,
    parquet_digest,
    parquet_pages,
    parquet_rows,
    parquet_schema,
)
from finance_sync.settings import Settings

_NO_PAGES = pl.DataFrame()


@dataclass(frozen=True)
class _Opened:
    """A file ready to be read."""

    facts: FileFacts
    columns: Mapping[str, Physical]
    pages: Callable[[], Iterator[Page]]


class FilePull(Pull):
    """An open read of the files of one object."""

    kind = "file"

    def __init__(
        self,
        settings: Settings,
        address: Address,
        system: System,
        spec: SourceObject,
        where: str,
        stored: list[Stored],
        known_names: Collection[str],
        window: Window,
    ) -> None:
        """Fetch, unpack and look at every file; no record is read yet.

        Args:
            settings: for the temporary folder.
            address: of the connection.
            system: the declared system.
            spec: the object.
            where: system and object, for messages.
            stored: the files to read.
            known_names: names of files read before. Those not among them are read whatever the window says.
            window: lower end of the delta. Parquet leaves out what is before it, without reading it.

        Raises:
            SourceError: a file is missing, empty, damaged or not what the contract says, or files differ in their columns.
        """
        assert isinstance(spec.read, FileRead)  # noqa: S101 - source.py chose by kind
        self._read, self._spec, self._where, self._address = spec.read, spec, where, address
        self._stored, self._known = stored, known_names
        self._zone, self._start = system.time_zone, window.start
        self.numbers = spec.read.numbers
        self.dynamic = spec.read.format != "parquet"
        self._stack = ExitStack()
        try:
            self._folder = self._stack.enter_context(workspace(settings))
            locals_ = [local for item in stored for local in localise(item, spec.read, self._folder, where)]
            self._files = [self._open(local) for local in locals_]
            self._require_untouched()
            self.columns = self._common_columns()
            self.files = tuple(item.facts for item in self._files)
            digest = "\n".join(f"{item.name} {item.sha256}" for item in self.files)
            if spec.read.control_file is not None:  # what the source says is part of what it delivered
                digest += f"\n{self.statement()}"
        except BaseException:
            self._stack.close()
            raise
        self.content = hashlib.sha256(digest.encode()).hexdigest()

    @override
    def pages(self) -> Iterator[Page]:
        for item in self._files:
            yield from item.pages()
        self._require_untouched()

    @override
    def statement(self) -> Statement:
        if self._read.control_file is not None:
            return self._control_file
        rows = [item.facts.rows for item in self._files]
        known = [count for count in rows if count is not None]
        return Statement("recount", sum(known)) if len(known) == len(rows) else Statement("none")

    @override
    def close(self) -> None:
        self._stack.close()

    def _open(self, local: Local) -> _Opened:
        unseen = local.name not in self._known
        if self._read.format == "parquet":
            return self._open_parquet(local, unseen=unseen)
        facts = FileFacts(local.name, local.stamp, sha256_of(local.path))
        if self._read.format == "xlsx":
            book = Workbook(local.path, local.name, self._read, self._spec.fields, self._where)
            return _Opened(
                replace(facts, rows=book.rows),
                {name: physical_class(dtype) for name, dtype in book.frame.schema.items()},
                lambda: iter([Page(book.frame, unseen=unseen)] if book.frame.height else []),
            )
        return self._open_text(local, facts, unseen=unseen)

    def _open_parquet(self, local: Local, *, unseen: bool) -> _Opened:
        schema = parquet_schema(local.path, local.name, self._where)
        # In cursor mode the digest only names the pull, so that a large file need not be read for a small window.
        digest = parquet_digest if self._spec.delta.mode == "cursor" else sha256_of
        facts = FileFacts(local.name, local.stamp, digest(local.path))
        columns = {name: physical_class(dtype) for name, dtype in schema.items()}
        since = None if unseen or self._read.control_file else self._since(schema)
        return _Opened(
            replace(facts, rows=parquet_rows(local.path, since)),
            columns,
            lambda: parquet_pages(local.path, local.name, self._where, since, unseen=unseen),
        )

    def _since(self, schema: Mapping[str, pl.DataType]) -> tuple[str, Cursor] | None:
        """Column and lowest value of the window, where the file's types can tell it."""
        cursor, start = self._spec.delta.cursor, self._start
        if cursor is None or start is None:
            return None
        column = column_of(self._spec, cursor, list(schema), self._where)
        kind, dtype = self._spec.fields[cursor].type, schema[column]
        if kind == "timestamp" and isinstance(dtype, pl.Datetime) and isinstance(start, datetime):
            return column, start.replace(tzinfo=UTC) if dtype.time_zone else local_start(start, self._zone)
        same = (kind == "date" and dtype == pl.Date) or (kind == "integer" and dtype.is_integer())
        return (column, start) if same else None

    def _open_text(self, local: Local, facts: FileFacts, *, unseen: bool) -> _Opened:
        file = text_files.prepare(local.path, local.name, self._read, self._folder, self._where)
        facts = replace(facts, rows=text_files.independent_count(file, self._read, self._where))
        if self._read.format == "fixed":
            names = [
                "_line",
                *(name for name, spec in self._spec.fields.items() if spec.start and spec.width),
            ]
            return _Opened(
                facts,
                dict.fromkeys(names, "text"),
                lambda: text_files.fixed_pages(
                    file, self._read, self._spec.fields, self._where, unseen=unseen
                ),
            )
        names = text_files.csv_columns(file, self._read, self._where)

        def pages() -> Iterator[Page]:
            for page in text_files.csv_pages(file, self._read, self._where, names, unseen=unseen):
                frame = (
                    page.frame
                    if self._read.has_header or not page.frame.width
                    else page.frame.rename(dict(zip(page.frame.columns, names, strict=True)))
                )
                yield replace(page, frame=frame)

        return _Opened(facts, dict.fromkeys(names, "text"), pages)

    def _require_untouched(self) -> None:
        """A local file is read where it lies, several times: it must not change meanwhile."""
        for item in self._stored:
            if item.is_local and not item.stamp.endswith(f"|{_mtime(item.path)}|"):
                raise SourceError(
                    f"{self._where}: {item.name} was changed or taken away while it was read",
                    remedy="run the object again once the delivery is complete; have files written aside and renamed",
                )

    def _common_columns(self) -> Mapping[str, Physical]:
        first = self._files[0]
        for other in self._files[1:]:
            differing = sorted(set(first.columns) ^ set(other.columns))
            if differing:
                raise SourceError(
                    f"{self._where}: {other.facts.name} and {first.facts.name} differ in their columns: "
                    f"{', '.join(map(repr, differing))}",
                    remedy="deliver files of one shape, or declare two objects with a `path` each",
                )
            retyped = [name for name, kind in other.columns.items() if first.columns[name] != kind]
            if retyped and self._read.format == "parquet":
                name = retyped[0]
                raise SourceError(
                    f"{self._where}: column {name!r} is {first.columns[name]} in {first.facts.name} and "
                    f"{other.columns[name]} in {other.facts.name}",
                    remedy="have the files delivered with the same types",
                )
        return first.columns

    @cached_property
    def _control_file(self) -> Statement:
        """Rows and totals as delivered beside the data.

        Raises:
            SourceError: it is missing, is not such a file, or does not speak of a file that was read.
        """
        pattern = FileRead(path=self._read.control_file or "")
        shown = f"{self._where}: control file {self._read.control_file}"
        totals = {name: Decimal(0) for name in self._spec.control_totals}
        stated: dict[str, dict[str, str]] = {}
        for item in locate(self._address, pattern, self._where):
            for local in localise(item, pattern, self._folder, self._where):
                stated |= _control_rows(local.path, shown)
        rows = 0
        for file in self.files:
            row = stated.get(file.name) or stated.get(PurePosixPath(file.name).name)
            if row is None:
                raise SourceError(
                    f"{shown} says nothing of {file.name}; it speaks of: {', '.join(sorted(stated)) or 'no file'}",
                    remedy="the delivery may be incomplete: have data and control file delivered together",
                )
            try:
                rows += int(row["rows"])
                for name in totals:
                    totals[name] += Decimal(row[name])
            except (KeyError, ValueError, InvalidOperation) as error:
                raise SourceError(
                    f"{shown}: the line of {file.name} has no valid rows, {', '.join(totals)}: {row}",
                    remedy="columns are file, rows and one per control total; plain numbers with a decimal point",
                ) from error
        return Statement("control_file", rows, totals)


def _control_rows(path: Path, shown: str) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as handle:
        reader = csv.DictReader(handle)
        if not {"file", "rows"} <= set(reader.fieldnames or []):
            raise SourceError(
                f"{shown} has no columns file and rows",
                remedy="columns are file, rows and one per control total",
            )
        return {
            row["file"].strip(): {key: (value or "").strip() for key, value in row.items() if key}
            for row in reader
        }


def _mtime(path: str) -> int:
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return -1
