"""A first look at a file's bytes: is it what it says, its hash, and an independent count of its records.

Belongs here: what can be told without parsing fields. It shares no code with the readers, so that its count can check
theirs (control C01, SPEC 7). Does not: reading values.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from finance_sync.errors import SourceError

_BLOCK = 8 << 20
_HEAD = 4096
_MAGIC = {
    b"PK\x03\x04": "a zip archive or an XLSX workbook",
    b"PK\x05\x06": "an empty zip archive",
    b"PAR1": "a Parquet file",
    b"\xd0\xcf\x11\xe0": "an old Excel or Office document",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "gzip-compressed",
    b"BZh": "bzip2-compressed",
    b"\xfd7zXZ": "xz-compressed",
    b"SQLite format 3": "an SQLite database",
    b"Obj\x01": "an Avro file",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
}
_HTML = re.compile(rb"^\s*<(!doctype html|html|\?xml)", re.IGNORECASE)


def require_text(path: Path, name: str, where: str) -> None:
    """A text file must not be empty, nor some other format under a text file's name.

    Raises:
        SourceError: it is; says what it looks like.
    """
    with path.open("rb") as handle:
        head = handle.read(_HEAD)
    if not head.strip():
        raise SourceError(
            f"{where}: {name} is empty ({path.stat().st_size} bytes)",
            remedy="have it delivered again; a delivery without records still has its header line",
        )
    looks = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)
    if looks is None and _HTML.match(head):
        looks = "a web page or XML (perhaps a login page saved in its place)"
    if looks is None and b"\0" in head:
        looks = "binary, or text in another encoding (UTF-16?)"
    if looks is not None:
        raise SourceError(
            f"{where}: {name} is not the text file that the contract says: it looks like {looks}",
            remedy="have the right file delivered, or correct `format` or `encoding` in the object's `read`",
        )


def require_magic(path: Path, name: str, where: str, kind: str) -> None:
    """A Parquet file or XLSX workbook must be one, and whole.

    Raises:
        SourceError: it is not, or it was cut off.
    """
    size = path.stat().st_size
    with path.open("rb") as handle:
        head = handle.read(4)
        handle.seek(max(size - 4, 0))
        tail = handle.read(4)
    if size == 0:
        raise SourceError(f"{where}: {name} is empty (0 bytes)", remedy="have it delivered again")
    wanted = b"PAR1" if kind == "parquet" else b"PK\x03\x04"
    cut = head == wanted and kind == "parquet" and tail != wanted
    if head != wanted or cut:
        text = (
            f"{where}: {name} is cut off: the end of the {kind} file is missing"
            if cut
            else f"{where}: {name} is no {kind} file"
        )
        raise SourceError(
            text, remedy="have the file delivered again, or correct `format` in the object's `read`"
        )


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, as hex."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


@dataclass
class _Count:
    """Records so far: newlines outside quoted fields end a record, blank lines are none."""

    quote: int | None
    delimiter: bytes
    records: int = 0
    lines: int = 0
    opened_at: int = 0
    inside: bool = False

    def add(self, block: bytes) -> None:
        """Count whole lines; ``block`` ends with a line feed, but for the last."""
        data = np.frombuffer(block, dtype=np.uint8)
        feed, back = data == ord("\n"), data == ord("\r")
        alone = back & ~np.append(feed[1:], False)
        ends = np.flatnonzero(feed | alone)
        if not block.endswith(b"\n"):
            ends = np.append(ends, len(block))
        starts = np.concatenate(([0], ends[:-1] + 1))
        blank = self._blank(data, starts, ends)
        if self.quote is None:
            self.records += int((~blank).sum())
        else:
            self._add_quoted(block, starts, ends, blank, np.flatnonzero(data == self.quote))
        self.lines += len(ends)

    @staticmethod
    def _blank(
        data: npt.NDArray[np.uint8], starts: npt.NDArray[np.intp], ends: npt.NDArray[np.intp]
    ) -> npt.NDArray[np.bool_]:
        width = ends - starts
        first = data[np.minimum(starts, len(data) - 1)]
        result: npt.NDArray[np.bool_] = (width == 0) | ((width == 1) & (first == ord("\r")))
        return result

    def _add_quoted(
        self,
        block: bytes,
        starts: npt.NDArray[np.intp],
        ends: npt.NDArray[np.intp],
        blank: npt.NDArray[np.bool_],
        quotes: npt.NDArray[np.intp],
    ) -> None:
        per_line = np.diff(np.searchsorted(quotes, np.append(starts, ends[-1])))
        odd = np.flatnonzero(
            per_line % 2 == 1
        )  # only a line with an odd number of quotes can leave a field open
        line, suspect = 0, 0
        while line < len(ends):
            if not self.inside:
                while suspect < len(odd) and odd[suspect] < line:
                    suspect += 1
                stop = int(odd[suspect]) if suspect < len(odd) else len(ends)
                self.records += int((~blank[line:stop]).sum())
                line = stop
                if line == len(ends):
                    return
                self.records += 1
                self.opened_at = self.lines + line + 1
            self.inside = _open_after(
                block[starts[line] : ends[line]], self.inside, bytes([self.quote or 0]), self.delimiter
            )
            line += 1


def _open_after(line: bytes, inside: bool, quote: bytes, delimiter: bytes) -> bool:  # noqa: FBT001
    """Whether a quoted field is still open at the end of a line."""
    at = 0
    while True:
        if inside:
            close = line.find(quote, at)
            if close < 0:
                return True
            if line[close + 1 : close + 2] == quote:  # a doubled quote stands for itself
                at = close + 2
                continue
            inside, at = False, close + 1
        elif line[at : at + 1] == quote:
            inside, at = True, at + 1
            continue
        following = line.find(delimiter, at)
        if following < 0:
            return False
        at = following + 1


def count_records(
    path: Path, name: str, where: str, *, quote: str | None, delimiter: str, offset: int = 0
) -> int:
    """Number of records of a UTF-8 text file, by its line ends alone.

    Args:
        path: the file.
        name: its name, for messages.
        where: system and object, for messages.
        quote: quoting character, whose fields may hold line ends; None where there is none.
        delimiter: between fields; a quote opens a field only after it or at the start of a line.
        offset: bytes to skip first.

    Returns:
        Records, header line included; blank lines are none.

    Raises:
        SourceError: a quoted field is never closed, so that all that follows it would be one field.
    """
    if len(delimiter.encode()) != 1 or (quote is not None and len(quote.encode()) != 1):
        raise SourceError(
            f"{where}: delimiter and quote must be ASCII characters",
            remedy="correct them in the object's `read`",
        )
    count = _Count(ord(quote) if quote else None, delimiter.encode())
    with path.open("rb") as handle:
        handle.seek(offset)
        for block in _blocks(handle):
            count.add(block)
    if count.inside:
        raise SourceError(
            f"{where}: {name}: the quote that opens a field in line {count.opened_at} is never closed",
            remedy="have the file corrected; or, where quotes are plain characters, say `quote: null` in `read`",
        )
    return count.records


def _blocks(handle: IO[bytes]) -> Iterator[bytes]:
    """Blocks of whole lines; the last may lack its line end."""
    rest: list[bytes] = []
    while read := handle.read(_BLOCK):
        head, newline, tail = read.rpartition(b"\n")
        if newline:
            yield b"".join([*rest, head, newline])
            rest = []
        rest.append(tail)
    if last := b"".join(rest):
        yield last


_ROW = re.compile(rb"<row\b[^>]*?(?:/>|>(.*?)</row>)", re.DOTALL)
_SHEET = re.compile(rb"<sheet\b[^>]*>")
_RELATION = re.compile(rb"<Relationship\b[^>]*>")


def count_sheet_rows(path: Path, sheet: str) -> int | None:
    """Rows with content in a sheet of an XLSX workbook, counted in its XML; None where its part is not found."""
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        if not {"xl/workbook.xml", "xl/_rels/workbook.xml.rels"} <= names:
            return None
        identity = next(
            (
                _attribute(tag, b"r:id")
                for tag in _SHEET.findall(archive.read("xl/workbook.xml"))
                if _attribute(tag, b"name") == sheet
            ),
            None,
        )
        relations = archive.read("xl/_rels/workbook.xml.rels")
        target = next(
            (
                _attribute(tag, b"Target")
                for tag in _RELATION.findall(relations)
                if _attribute(tag, b"Id") == identity
            ),
            None,
        )
        part = "" if target is None else target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        if identity is None or part not in names:
            return None
        xml = archive.read(part)
    return sum(1 for match in _ROW.finditer(xml) if b"<v" in (match[1] or b"") or b"<is" in (match[1] or b""))


def _attribute(tag: bytes, name: bytes) -> str | None:
    found = re.search(rb"\s" + re.escape(name) + rb'="([^"]*)"', tag)
    if found is None:
        return None
    text = found[1].decode()
    for escaped, plain in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&")):
        text = text.replace(escaped, plain)
    return text
