"""Readers of text files: delimited (CSV) and fixed width. Every value comes as the text that it is in the file.

Belongs here: encodings, header, cutting records into fields. Does not: what a value means (landing.convert).
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.csv as pa_csv

from finance_sync.catalog.models import FieldSpec, FileRead
from finance_sync.errors import SourceError
from finance_sync.extract.pull import PAGE_ROWS, BrokenRecord, Page
from finance_sync.extract.scan import count_records, require_text

_BLOCK = 16 << 20
_BOM = codecs.BOM_UTF8
_WIDE = ("utf-16", "utf-32")
_NO_DELIMITER = "\x1f"  # the unit separator: a line of fixed width has none


@dataclass(frozen=True)
class TextFile:
    """A text file made ready: UTF-8, and where its first wanted line begins."""

    path: Path
    name: str
    offset: int


def prepare(path: Path, name: str, read: FileRead, folder: Path, where: str) -> TextFile:
    """Check that a file is text in the declared encoding, as UTF-8 from the first wanted line on.

    Raises:
        SourceError: it is empty, another format or another encoding.
    """
    try:
        encoding = codecs.lookup(read.encoding).name
    except LookupError as error:
        raise SourceError(
            f"{where}: encoding {read.encoding!r} is not known",
            remedy="give one such as utf-8, cp1252, latin-1",
        ) from error
    if not encoding.startswith(_WIDE):
        require_text(path, name, where)
    if encoding not in {"utf-8", "utf-8-sig", "ascii"}:
        path = _as_utf8(path, name, encoding, folder, where)
    with path.open("rb") as handle:
        if handle.read(len(_BOM)) != _BOM:
            handle.seek(0)
        for _ in range(read.skip_rows):
            handle.readline()
        offset = handle.tell()
        rest = handle.read(1)
    if not rest:
        raise SourceError(
            f"{where}: {name} has nothing after its first {read.skip_rows} lines",
            remedy="have it delivered again, or correct `skip_rows`",
        )
    return TextFile(path, name, offset)


def _as_utf8(path: Path, name: str, encoding: str, folder: Path, where: str) -> Path:
    target = folder / f"{path.name}.{len(list(folder.iterdir()))}.utf8"
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as source, target.open("w", encoding="utf-8", newline="") as out:
            while block := source.read(1 << 20):
                out.write(decoder.decode(block))
            out.write(decoder.decode(b"", final=True))
    except UnicodeDecodeError as error:
        raise _wrong_encoding(name, encoding, where) from error
    if target.stat().st_size == 0:
        raise SourceError(f"{where}: {name} is empty", remedy="have it delivered again")
    return target


def _wrong_encoding(name: str, encoding: str, where: str) -> SourceError:
    return SourceError(
        f"{where}: {name} is not {encoding}: it holds bytes that no character of that encoding has",
        remedy="give the file's `encoding` in `read` (cp1252 and latin-1 are common)",
    )


def independent_count(file: TextFile, read: FileRead, where: str) -> int:
    """Records of the file by its line ends, header left out."""
    is_csv = read.format == "csv"
    total = count_records(
        file.path, file.name, where,
        quote=read.quote if is_csv else None, delimiter=read.delimiter if is_csv else _NO_DELIMITER, offset=file.offset,
    )  # fmt: skip
    return total - 1 if is_csv and read.has_header else total


def csv_columns(file: TextFile, read: FileRead, where: str) -> list[str]:
    """Names in the header; ``column_1``, ``column_2`` ... where there is none.

    Raises:
        SourceError: a name stands twice in the header.
    """
    names: list[str] = _open_csv(file, read, where, None, []).schema.names
    if not read.has_header:
        return [f"column_{number}" for number in range(1, len(names) + 1)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SourceError(
            f"{where}: {file.name} has more than one column {', '.join(map(repr, twice))}",
            remedy="have the header corrected, or skip it (`skip_rows: 1`, `has_header: false`) and give `position`s",
        )
    return names


def csv_pages(
    file: TextFile, read: FileRead, where: str, names: list[str], *, unseen: bool
) -> Iterator[Page]:
    """Records of a delimited file. One with more or fewer fields than the others comes as broken.

    Raises:
        SourceError: the encoding is wrong, or the file cannot be cut into records.
    """
    broken: list[BrokenRecord] = []
    reader = _open_csv(file, read, where, names, broken)
    yield from _collected(reader, broken, file, where, unseen=unseen)


def _open_csv(
    file: TextFile, read: FileRead, where: str, names: list[str] | None, broken: list[BrokenRecord]
) -> pa_csv.CSVStreamingReader:
    def note(row: pa_csv.InvalidRow) -> str:
        broken.append(
            BrokenRecord(
                row.text, f"has {row.actual_columns} fields where {row.expected_columns} are expected"
            )
        )
        return "skip"

    found = [f"f{number}" for number in range(len(names or []))] if not read.has_header else (names or [])
    handle = pa.OSFile(str(file.path))
    handle.seek(file.offset)
    try:
        return pa_csv.open_csv(
            handle,
            pa_csv.ReadOptions(block_size=_BLOCK, autogenerate_column_names=not read.has_header),
            pa_csv.ParseOptions(
                delimiter=read.delimiter, quote_char=read.quote or False, double_quote=bool(read.quote),
                newlines_in_values=bool(read.quote), invalid_row_handler=note,
            ),
            pa_csv.ConvertOptions(
                column_types=dict.fromkeys(found, pa.string()), strings_can_be_null=False, check_utf8=True,
                include_columns=found if names is not None else None,
            ),
        )  # fmt: skip
    except pa.ArrowInvalid as error:
        raise _unreadable(file, error, where) from error


def _unreadable(file: TextFile, error: Exception, where: str) -> SourceError:
    if "invalid UTF8" in str(error):
        return _wrong_encoding(file.name, "utf-8", where)
    return SourceError(
        f"{where}: {file.name} cannot be read as a table: {error}",
        remedy="check `delimiter`, `quote` and `skip_rows` in `read`",
    )


def _collected(
    reader: pa_csv.CSVStreamingReader, broken: list[BrokenRecord], file: TextFile, where: str, *, unseen: bool
) -> Iterator[Page]:
    """Blocks of the reader, gathered into pages."""
    held: list[pl.DataFrame] = []
    rows = 0
    try:
        for batch in reader:
            frame = pl.from_arrow(batch)
            assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a record batch is a frame
            held.append(frame)
            rows += frame.height
            if rows >= PAGE_ROWS:
                yield Page(pl.concat(held, rechunk=True), tuple(broken), unseen)
                held, rows = [], 0
                broken.clear()
    except pa.ArrowInvalid as error:
        raise _unreadable(file, error, where) from error
    if held or broken:
        frame = pl.concat(held, rechunk=True) if held else pl.DataFrame()
        yield Page(frame, tuple(broken), unseen)


def fixed_pages(
    file: TextFile, read: FileRead, fields: Mapping[str, FieldSpec], where: str, *, unseen: bool
) -> Iterator[Page]:
    """Records of a file of fixed width: one column per declared field, and ``_line`` with the untouched line.

    Such a file has no header line (`skip_rows` leaves one out).

    Raises:
        SourceError: the encoding is wrong.
    """
    one = read.model_copy(update={"delimiter": _NO_DELIMITER, "quote": None, "has_header": False})
    for page in csv_pages(file, one, where, ["_line"], unseen=unseen):
        lines = (
            page.frame.to_series().alias("_line")
            if page.frame.width
            else pl.Series("_line", [], dtype=pl.String)
        )
        frame, broken = cut_fixed(lines, fields)
        yield Page(frame, (*page.broken, *broken), unseen)


def cut_fixed(
    lines: pl.Series, fields: Mapping[str, FieldSpec]
) -> tuple[pl.DataFrame, tuple[BrokenRecord, ...]]:
    """Cut lines of fixed width into fields, without the blanks that pad them.

    A line that ends inside a field other than text is broken: half a number is another number. Blanks at the end of a line may
    be left off.
    """
    placed = {
        name: (spec, spec.start, spec.width) for name, spec in fields.items() if spec.start and spec.width
    }
    length = pl.col("_line").str.len_chars()
    inside = [
        (length >= start) & (length < start + width - 1)
        for spec, start, width in placed.values()
        if spec.type not in {"text", "currency"}
    ]
    frame = lines.to_frame("_line").with_columns(_cut=pl.any_horizontal(pl.lit(value=False), *inside))
    broken = tuple(
        BrokenRecord(text, "the line ends inside a field") for text in frame.filter("_cut")["_line"].to_list()
    )
    cut = (
        pl.col("_line").str.slice(start - 1, width).str.strip_chars().alias(name)
        for name, (_, start, width) in placed.items()
    )
    return frame.filter(~pl.col("_cut")).select("_line", *cut), broken
