"""Reading a workbook back, whatever program saved it.

Values are read as text, so that nothing is interpreted twice; formulas and errors are looked for in the file itself, because
readers give only the value that the last program computed.

Belongs here: sheets and cells as a frame, with what is wrong with each cell. Does not: what is asked (take_in).
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from finance_sync.errors import OperationsError
from finance_sync.exceptions.workbook.layout import (
    EXCEPTIONS,
    FILLED,
    FORMAT,
    ID,
    REGISTER,
    SHOWN,
    Origin,
    titles,
)

MOST_BYTES = 1 << 30  # unpacked: a small file may hold far more than memory
_FORMULA = re.compile(rb'<(?:\w+:)?f[\s/>]|<(?:\w+:)?c\s[^>]*\bt="e"')
_CELL = re.compile(rb"<(?:\w+:)?c\s([^>]*?)(?:/>|>(.*?)</(?:\w+:)?c>)", re.DOTALL)
_PLACE = re.compile(rb'\br="([A-Z]+)([0-9]+)"')
_HEAD_CELLS = 8


@dataclass(frozen=True)
class Filled:
    """What a file holds.

    Attributes:
        origin: what the workbook was made from.
        exported: exception_id, exported_version: the rows that it had.
        rows: ``row`` (number in the sheet), every column of SHOWN and FILLED by name as text (empty is NULL), and ``formula``:
            titles of the row's cells that hold a formula or an error; rows without any content are left out.
    """

    origin: Origin
    exported: pl.DataFrame
    rows: pl.DataFrame


def read(path: Path) -> Filled:
    """Read a workbook.

    Raises:
        OperationsError: it is no workbook of ours, or its sheets, headers or hidden sheet were changed.
    """
    import fastexcel

    _check_size(path)
    try:
        book = fastexcel.read_excel(path)
        for name in (EXCEPTIONS, REGISTER):
            if name not in book.sheet_names:
                raise _damaged(path, f"has no sheet {name!r}")
        sheet, hidden = (
            book.load_sheet(name, header_row=None, dtypes="string").to_polars()
            for name in (EXCEPTIONS, REGISTER)
        )
    except fastexcel.FastExcelError as error:
        raise OperationsError(
            f"{path.name} cannot be read: {str(error).splitlines()[0]}",
            remedy="save it as XLSX, without a password",
        ) from error
    origin, exported = _origin(path, hidden)
    return Filled(origin, exported, _rows(path, sheet))


def _damaged(path: Path, what: str) -> OperationsError:
    return OperationsError(f"{path.name} {what}", remedy="export the queue again and fill in that file")


def _check_size(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(item.file_size for item in archive.infolist())
    except (OSError, zipfile.BadZipFile) as error:
        raise OperationsError(
            f"{path.name} is no XLSX file", remedy="save it as XLSX, without a password"
        ) from error
    if size > MOST_BYTES:
        raise OperationsError(
            f"{path.name} unpacks to {size:,} bytes", remedy=f"at most {MOST_BYTES:,} are read"
        )


def _origin(path: Path, hidden: pl.DataFrame) -> tuple[Origin, pl.DataFrame]:
    if hidden.is_empty() or hidden.width < _HEAD_CELLS or hidden.item(0, 0) != FORMAT:
        raise _damaged(path, "is not a workbook that this version of finance-sync wrote")
    head = [value or "" for value in hidden.row(0)[:_HEAD_CELLS]]
    exported = hidden.slice(1).select(
        pl.nth(0).alias(ID), pl.nth(1).cast(pl.Int64, strict=False).alias("exported_version")
    )
    try:
        origin = Origin(
            head[1], head[2], date.fromisoformat(head[3]), int(head[4]), head[5], head[6], head[7]
        )
    except ValueError as error:
        raise _damaged(path, f"has a changed hidden sheet ({error})") from error
    if exported.null_count().sum_horizontal().item() or exported[ID].n_unique() != exported.height:
        raise _damaged(path, "has a changed hidden sheet")
    return origin, exported


def _rows(path: Path, sheet: pl.DataFrame) -> pl.DataFrame:
    wanted = [*SHOWN, *FILLED]
    header = list(sheet.row(0)) if sheet.height else []
    if missing := [title for title in titles(wanted) if header.count(title) != 1]:
        raise _damaged(
            path, f"has no column {missing[0]!r} in the first line of sheet {EXCEPTIONS!r}, or has it twice"
        )
    places = {column.name: header.index(column.title) for column in wanted}
    rows = sheet.slice(1).select(
        pl.int_range(2, pl.len() + 2, dtype=pl.Int64).alias("row"),
        *(
            pl.when(pl.nth(at).str.strip_chars() != "").then(pl.nth(at)).alias(name)
            for name, at in places.items()
        ),
    )
    titled = {places[column.name]: column.title for column in wanted}
    found: dict[int, list[str]] = {}
    for at, row in _formulas(path):
        if at in titled:
            found.setdefault(row, []).append(titled[at])
    formulas = pl.DataFrame(
        {"row": list(found), "formula": [", ".join(names) for names in found.values()]},
        schema={"row": pl.Int64, "formula": pl.String},
    )
    rows = rows.join(formulas, on="row", how="left", maintain_order="left")
    return rows.filter(~pl.all_horizontal(pl.all().exclude("row").is_null()))


def _formulas(path: Path) -> Iterator[tuple[int, int]]:
    """Column (from 0) and row (from 1) of every cell with a formula or an error."""
    with zipfile.ZipFile(path) as archive:
        content = archive.read(_part(path, archive))
    if not _FORMULA.search(content):
        return
    for match in _CELL.finditer(content):
        if not _FORMULA.search(match.group(0)):
            continue
        place = _PLACE.search(match.group(1))
        if place is None:
            raise OperationsError(
                f"{path.name} holds a formula whose cell has no place", remedy="save it anew as XLSX"
            )
        at = 0
        for letter in place.group(1):
            at = at * 26 + letter - ord("A") + 1
        yield at - 1, int(place.group(2))


def _part(path: Path, archive: zipfile.ZipFile) -> str:
    """The file of the sheet of exceptions in the package."""
    try:
        sheets = ET.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314 - expat bounds entities
        links = ET.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
    except (KeyError, ET.ParseError) as error:
        raise _damaged(path, f"is no complete XLSX file ({error})") from error
    targets = {link.get("Id"): link.get("Target", "") for link in links}
    for sheet in sheets.iter():
        if sheet.tag.endswith("}sheet") and sheet.get("name") == EXCEPTIONS:
            link = next((value for name, value in sheet.attrib.items() if name.endswith("}id")), None)
            target = targets.get(link, "")
            return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
    raise _damaged(path, f"has no sheet {EXCEPTIONS!r}")
