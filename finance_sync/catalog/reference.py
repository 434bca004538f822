"""Reading reference/*.csv into typed Arrow tables; a problem has file, line, column, value and remedy.

Belongs here: one table by itself (header, types, required values, closed lists, keys, dates in order). Does
not: rules across tables (crosschecks). Columns are checked and cast whole; rows are looked at only where
something is wrong.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from finance_sync.catalog.declarations import did_you_mean
from finance_sync.catalog.product import Column, ReferenceTable, reference_tables
from finance_sync.catalog.types import DECIMALS, arrow_type
from finance_sync.errors import Problem

MOST_SHOWN = 20  # problems shown per column; a wrong date format would else print the whole file

_TRUE, _FALSE = ["true", "yes", "1"], ["false", "no", "0"]
_WANTED = {
    "date": "write dates as 2026-01-31",
    "integer": "write a whole number without separators",
    "boolean": "write true or false",
    **{
        name: f"write a plain decimal: at most {precision - scale} digits before the point, {scale} after it"
        for name, (precision, scale) in DECIMALS.items()
    },
}


@dataclass(frozen=True)
class ReferenceFile:
    """A reference table as read.

    Args:
        name: table name.
        table: typed Arrow table, columns in the order of reference.yaml.
        lines: 1-based line in the CSV of each row.
        fingerprint: SHA-256 of the file's bytes; of nothing when the file is absent.
    """

    name: str
    table: pa.Table
    lines: list[int]
    fingerprint: str

    @property
    def file(self) -> str:
        """Its name in messages."""
        return f"reference/{self.name}.csv"


def read_reference(folder: Path) -> tuple[dict[str, ReferenceFile], list[Problem]]:
    """Read all reference tables of a deployment.

    Returns:
        Every table of reference.yaml (empty where absent or not valid), and the problems.
    """
    tables: dict[str, ReferenceFile] = {}
    problems: list[Problem] = []
    known = reference_tables()
    problems += [
        Problem(f"reference/{path.name}", "is not a reference table", did_you_mean(path.stem, known))
        for path in sorted((folder / "reference").glob("*.csv"))
        if path.stem not in known
    ]
    for name, spec in known.items():
        path = folder / "reference" / f"{name}.csv"
        if path.is_file():
            tables[name], found = _read(path, spec)
            problems += found
            continue
        tables[name] = ReferenceFile(name, spec.arrow_schema.empty_table(), [], hashlib.sha256().hexdigest())
        if spec.required:
            header = ",".join(column.name for column in spec.columns)
            problems.append(
                Problem(f"reference/{name}.csv", "is missing", f"create it with the header {header}")
            )
    return tables, problems


def _read(path: Path, spec: ReferenceTable) -> tuple[ReferenceFile, list[Problem]]:
    file = f"reference/{path.name}"
    raw = path.read_bytes()
    empty = ReferenceFile(spec.name, spec.arrow_schema.empty_table(), [], hashlib.sha256(raw).hexdigest())
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        return empty, [
            Problem(
                file, f"is not UTF-8 text (byte {raw[error.start]:#x})", "save the file as UTF-8", line=line
            )
        ]
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    problems: list[Problem] = []
    header: list[str] | None = None
    try:
        start = 1
        for row in reader:
            line, start = start, reader.line_num + 1
            if not row:
                continue
            if header is None:
                header = [name.strip() for name in row]
            elif len(row) != len(header):
                problems.append(
                    Problem(
                        file,
                        f"the row has {len(row)} values and the header {len(header)} columns",
                        "put a text that contains a comma in double quotes",
                        line=line,
                    )
                )
            else:
                rows.append(row)
                lines.append(line)
    except csv.Error as error:
        return empty, [
            *problems,
            Problem(file, f"is not valid CSV: {error}", "check the double quotes", line=reader.line_num),
        ]
    if header is None:
        wanted = ",".join(column.name for column in spec.columns)
        return empty, [*problems, Problem(file, "is empty", f"begin with the header {wanted}", line=1)]
    problems += _header_problems(file, header, spec)
    values = dict(zip(header, zip(*rows, strict=True), strict=True)) if rows else {}
    arrays = []
    bad = False
    for column in spec.columns:
        texts = pc.utf8_trim_whitespace(pa.array(values.get(column.name, [""] * len(rows)), pa.string()))
        array, found = _cast(texts, column, file, lines)
        bad = bad or bool(found)
        problems += found if column.name in header or not column.required else []
        arrays.append(array)
    if bad or any(column.required and column.name not in header for column in spec.columns):
        return empty, problems
    result = ReferenceFile(
        spec.name, pa.Table.from_arrays(arrays, schema=spec.arrow_schema), lines, empty.fingerprint
    )
    problems += _key_problems(result, spec)
    problems += _date_order_problems(result)
    return result, problems


def _header_problems(file: str, header: list[str], spec: ReferenceTable) -> list[Problem]:
    names = [column.name for column in spec.columns]
    missing = [column.name for column in spec.columns if column.required and column.name not in header]
    problems = [
        Problem(
            file,
            f"unknown column {name!r}",
            did_you_mean(name, [n for n in names if n not in header] or names),
            line=1,
        )
        for name in header
        if name not in names
    ]
    problems += [
        Problem(file, f"the column {name!r} is missing", "add it to the header", line=1) for name in missing
    ]
    twice = sorted({name for name in header if header.count(name) > 1})
    problems += [Problem(file, f"the column {name!r} is there twice", "keep one", line=1) for name in twice]
    return problems


def _cast(texts: pa.Array, column: Column, file: str, lines: list[int]) -> tuple[pa.Array, list[Problem]]:
    """One column from trimmed text to its type; empty text is NULL."""
    empty = pc.equal(texts, "")
    texts = pc.if_else(empty, pa.scalar(None, pa.string()), texts)
    problems: list[Problem] = []
    if column.required:
        problems += _at(
            file, column.name, _rows(empty), lines, lambda _: ("is empty and must be filled", "give a value")
        )
    valid = _valid(texts, column)
    wrong = _rows(pc.invert(valid))

    def explain(row: int) -> tuple[str, str]:
        found = texts[row].as_py()
        if column.values is not None:
            return f"{found!r} is not allowed", did_you_mean(found, column.values)
        return f"{found!r} is not a valid {column.type}", _WANTED[column.type]

    problems += _at(file, column.name, wrong, lines, explain)
    if wrong:
        texts = pc.if_else(valid, texts, pa.scalar(None, pa.string()))
    kind = arrow_type(column.type)
    if column.type == "boolean":
        lower = pc.utf8_lower(texts)
        return pc.if_else(
            pc.is_null(lower), pa.scalar(None, pa.bool_()), pc.is_in(lower, pa.array(_TRUE))
        ), problems
    try:
        return pc.cast(texts, kind), problems
    except pa.ArrowInvalid:  # a day such as 2026-02-30: right shape, no such date
        parsed = [_date_or_none(text) for text in texts.to_pylist()]
        nowhere = [
            row
            for row, (text, day) in enumerate(zip(texts.to_pylist(), parsed, strict=True))
            if text and day is None
        ]
        problems += _at(
            file,
            column.name,
            nowhere,
            lines,
            lambda row: (f"{texts[row].as_py()!r} is no date of the calendar", _WANTED["date"]),
        )
        return pa.array(parsed, kind), problems


def _date_or_none(text: str | None) -> object:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _valid(texts: pa.Array, column: Column) -> pa.Array:
    """True where the text is NULL or can be cast exactly."""
    if column.values is not None:
        found = pc.is_in(texts, pa.array(column.values))
    elif column.type in DECIMALS:
        precision, scale = DECIMALS[column.type]
        found = pc.match_substring_regex(texts, rf"^-?\d{{1,{precision - scale}}}(\.\d{{1,{scale}}}0*)?$")
    elif column.type == "integer":
        found = pc.match_substring_regex(texts, r"^-?\d{1,18}$")
    elif column.type == "date":
        found = pc.match_substring_regex(texts, r"^\d{4}-\d{2}-\d{2}$")
    elif column.type == "boolean":
        found = pc.is_in(pc.utf8_lower(texts), pa.array([*_TRUE, *_FALSE]))
    else:
        found = pc.true_unless_null(texts)
    return pc.or_(pc.fill_null(found, True), pc.is_null(texts))  # noqa: FBT003 (Arrow's signature)


def _key_problems(reference: ReferenceFile, spec: ReferenceTable) -> list[Problem]:
    seen: dict[tuple[object, ...], int] = {}
    problems = []
    columns = [reference.table[name].to_pylist() for name in spec.key]
    for row, key in enumerate(zip(*columns, strict=True)):
        first = seen.setdefault(key, row)
        if first != row:
            shown = ", ".join(f"{name}={value}" for name, value in zip(spec.key, key, strict=True))
            problems.append(
                Problem(
                    reference.file,
                    f"the key ({shown}) is there twice, first on line {reference.lines[first]}",
                    "keep one row, or tell them apart by their dates",
                    line=reference.lines[row],
                )
            )
    return problems[:MOST_SHOWN]


def _date_order_problems(reference: ReferenceFile) -> list[Problem]:
    problems: list[Problem] = []
    for first, last in (("valid_from", "valid_to"), ("starts_on", "ends_on")):
        if first in reference.table.column_names and last in reference.table.column_names:
            begins, ends = reference.table[first], reference.table[last]
            wrong = _rows(pc.fill_null(pc.greater(begins, ends), False).combine_chunks())  # noqa: FBT003 (Arrow's signature)
            problems += _at(
                reference.file,
                last,
                wrong,
                reference.lines,
                lambda row, b=begins, e=ends, f=first: (
                    f"{e[row]} lies before {f} {b[row]}",
                    "exchange or correct the dates",
                ),
            )
    return problems


def _rows(mask: pa.Array) -> list[int]:
    return pc.indices_nonzero(mask).to_pylist()  # type: ignore[no-any-return]


def _at(file: str, column: str, rows: list[int], lines: list[int], explain: object) -> list[Problem]:
    problems = []
    for row in rows[:MOST_SHOWN]:
        message, remedy = explain(row)  # type: ignore[operator]
        problems.append(Problem(file, message, remedy, line=lines[row], path=f"column {column}"))
    if len(rows) > MOST_SHOWN:
        problems.append(
            Problem(
                file, f"and {len(rows) - MOST_SHOWN} more rows with the same problem", path=f"column {column}"
            )
        )
    return problems


def values(table: pa.Table, column: str) -> Iterable[str]:
    """Distinct filled values of a text column."""
    return sorted(value for value in pc.unique(table[column]).to_pylist() if value is not None)
