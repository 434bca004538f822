"""Writing a workbook as XLSX.

Every source text is written as a string, never as a formula or a link; only the columns that people fill in are open.

Belongs here: formats, protection, drop-downs, print set-up. Does not: what is in it (export), what its columns are (layout).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import polars as pl
import xlsxwriter

from finance_sync.exceptions.workbook.layout import (
    EXCEPTIONS,
    FILLED,
    FORMAT,
    REGISTER,
    SHOWN,
    TOTALS,
    VERBS,
    Origin,
    begins_formula,
    fits_number,
    guarded,
)

_WIDEST = 60
_MONEY = "#,##0.00##;[Red]-#,##0.00##"
_PROTECTION = {"autofilter": True, "sort": True, "format_columns": True, "format_rows": True}


@dataclass(frozen=True)
class Sheet:
    """A sheet of rows to look at.

    Attributes:
        name: at most 31 characters.
        rows: texts in the form of a cell, exact amounts, dates, whole numbers.
        note: what is to be known of it, e.g. that it was cut.
    """

    name: str
    rows: pl.DataFrame
    note: str = ""


def write(
    path: Path,
    origin: Origin,
    totals: Sequence[tuple[str, pl.DataFrame]],
    rows: pl.DataFrame,
    versions: pl.DataFrame,
    documents: Sequence[Sheet],
    notes: Sequence[str],
) -> None:
    """Write a workbook; the file is there whole or not at all.

    Args:
        path: of the file.
        origin: what it was made from.
        totals: title and rows of each table of control totals.
        rows: see layout.shown.
        versions: exception_id, version; kept in a hidden sheet.
        documents: drill-down sheets.
        notes: lines above the totals.
    """
    aside = path.with_name(f".{path.name}.writing")
    options = {
        "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
    }  # fmt: skip
    book = xlsxwriter.Workbook(str(aside), options)
    # The same content gives the same file.
    book.set_properties(
        {"created": datetime.combine(origin.day, time(), UTC), "title": f"Exceptions {origin.owner}"}
    )
    formats = _formats(book)
    _write_totals(book, formats, origin, totals, notes)
    _write_exceptions(book, formats, origin, rows)
    for sheet in documents:
        _write_rows(book, formats, sheet)
    _write_register(book, origin, versions)
    book.close()
    aside.replace(path)


def _formats(book: Any) -> dict[str, Any]:
    plain = {"valign": "top"}
    guard = book.add_format({**plain, "num_format": "@"})
    guard.set_quote_prefix()
    made = {
        "text": {"num_format": "@"}, "amount": {"num_format": _MONEY}, "date": {"num_format": "yyyy-mm-dd"},
        "integer": {"num_format": "0"}, "exact": {"num_format": "@", "align": "right", "bg_color": "#FFF2CC"},
    }  # fmt: skip
    header = {
        "bold": True,
        "bg_color": "#1F3864",
        "font_color": "#FFFFFF",
        "text_wrap": True,
        "valign": "top",
    }
    opened = {"locked": False, "bg_color": "#E2EFDA", "border": 1, "border_color": "#A9D08E"}
    return {
        **{name: book.add_format({**plain, **more}) for name, more in made.items()},
        **{
            f"open_{name}": book.add_format({**plain, **made[name], **opened})
            for name in ("text", "amount", "date")
        },
        "guard": guard, "header": book.add_format(header), "asked": book.add_format({**header, "bg_color": "#375623"}),
        "title": book.add_format({"bold": True, "font_size": 12}), "note": book.add_format({"text_wrap": False}),
    }  # fmt: skip


def _kind(kind: pl.DataType) -> str:
    if isinstance(kind, pl.Decimal):
        return "amount"
    if kind == pl.Date:
        return "date"
    return "integer" if kind.is_integer() else "text"


def _cells(sheet: Any, formats: dict[str, Any], rows: pl.DataFrame, first: int) -> None:
    """Write rows. An amount that a number would not keep stands as text, marked."""
    kinds = [_kind(kind) for kind in rows.dtypes]
    flags: list[pl.Expr] = []
    values: list[pl.Expr] = []
    for name, kind in zip(rows.columns, kinds, strict=True):
        column = pl.col(name)
        odd = {"text": begins_formula(column), "amount": ~fits_number(column)}.get(kind, pl.lit(value=False))
        flags.append(odd.fill_null(value=False).alias(f"odd {name}"))
        if kind == "amount":
            # Text first: the cell's number is the decimal's own digits, read once.
            values.append(column.cast(pl.String))
        else:
            values.append(guarded(column).alias(name) if kind == "text" else column)
    text, number, day = sheet.write_string, sheet.write_number, sheet.write_datetime
    plain = [formats[kind] for kind in kinds]
    odd_format = {"text": formats["guard"], "amount": formats["exact"]}
    width = rows.width
    for at, cells in enumerate(rows.select(*values, *flags).iter_rows(), start=first):
        for index in range(width):
            value = cells[index]
            if value is None:
                continue
            kind, odd = kinds[index], cells[width + index]
            how = odd_format[kind] if odd else plain[index]
            if kind == "text" or (kind == "amount" and odd):
                text(at, index, value, how)
            elif kind == "date":
                day(at, index, value, how)
            else:
                # A cell of a workbook holds a binary double and nothing else; amounts that one does not hold exactly are `odd`.
                number(at, index, float(value), how)


def _page(sheet: Any, origin_name: str, last_column: int, last_row: int, header: int) -> None:
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(header)
    sheet.set_footer(f"&L{origin_name.replace('&', '&&')}&C&A&RPage &P of &N")
    sheet.autofilter(header, 0, max(last_row, header), last_column)
    sheet.protect("", _PROTECTION)


def _write_exceptions(book: Any, formats: dict[str, Any], origin: Origin, rows: pl.DataFrame) -> None:
    sheet = book.add_worksheet(EXCEPTIONS)
    last, offset = rows.height, len(SHOWN)
    for index, column in enumerate(SHOWN):
        sheet.set_column(index, index, column.width, formats[column.kind])
    for index, column in enumerate(FILLED, start=offset):
        sheet.set_column(index, index, column.width, formats[f"open_{column.kind}"])
    sheet.freeze_panes(1, 1)
    for index, column in enumerate((*SHOWN, *FILLED)):
        sheet.write_string(0, index, column.title, formats["header" if index < offset else "asked"])
    _cells(sheet, formats, rows, 1)
    if last:
        at = {column.name: offset + index for index, column in enumerate(FILLED)}
        rules: dict[str, dict[str, Any]] = {
            "disposition": {"validate": "list", "source": list(VERBS)},
            "asked_reason": {"validate": "length", "criteria": "<=", "value": 4000},
            "asked_until": {"validate": "date", "criteria": ">=", "value": origin.day},
            "asked_limit": {"validate": "decimal", "criteria": ">=", "value": 0},
        }
        for name, rule in rules.items():
            sheet.data_validation(1, at[name], last, at[name], {**rule, "ignore_blank": True})
    _page(sheet, f"{origin.owner} {origin.day}", offset + len(FILLED) - 1, last, 0)


def _write_rows(book: Any, formats: dict[str, Any], sheet: Sheet) -> None:
    made = book.add_worksheet(sheet.name)
    made.freeze_panes(2, 1)
    made.write_string(0, 0, sheet.note, formats["note"])
    for index, (name, kind) in enumerate(sheet.rows.schema.items()):
        made.set_column(index, index, min(_WIDEST, max(12, len(name) + 2)), formats[_kind(kind)])
        made.write_string(1, index, name, formats["header"])
    _cells(made, formats, sheet.rows, 2)
    _page(made, sheet.name, max(sheet.rows.width - 1, 0), sheet.rows.height + 1, 1)


def _write_totals(
    book: Any,
    formats: dict[str, Any],
    origin: Origin,
    totals: Sequence[tuple[str, pl.DataFrame]],
    notes: Sequence[str],
) -> None:
    sheet = book.add_worksheet(TOTALS)
    sheet.set_column(0, 0, 34, formats["text"])
    sheet.set_column(1, 6, 22)
    facts = {
        "Queue": origin.owner, "Business date": str(origin.day), "Workbook": origin.workbook,
        "Published marts": origin.publication or "(nothing is published)",
        "Register": f"entry {origin.seq}, {origin.head}" if origin.seq else "(no entry)", "Group currency": origin.group_currency,
    }  # fmt: skip
    at = 0
    sheet.write_string(at, 0, "Exceptions to work down", formats["title"])
    for name, value in facts.items():
        at += 1
        sheet.write_string(at, 0, name, formats["text"])
        sheet.write_string(at, 1, f"'{value}" if value[:1] in "=+-@" else value, formats["guard"])
    for note in notes:
        at += 1
        sheet.write_string(at, 0, note, formats["note"])
    for title, rows in totals:
        at += 2
        sheet.write_string(at, 0, title, formats["title"])
        at += 1
        for index, name in enumerate(rows.columns):
            sheet.write_string(at, index, name, formats["header"])
        _cells(sheet, formats, rows, at + 1)
        at += rows.height
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.protect("", _PROTECTION)


def _write_register(book: Any, origin: Origin, versions: pl.DataFrame) -> None:
    """The hidden sheet: by it the import knows which rows there were, and in which version."""
    sheet = book.add_worksheet(REGISTER)
    head = (
        FORMAT, origin.workbook, origin.owner, str(origin.day), str(origin.seq), origin.head, origin.publication,
        origin.group_currency,
    )  # fmt: skip
    for index, value in enumerate(head):
        sheet.write_string(0, index, value)
    for at, (exception_id, version) in enumerate(versions.iter_rows(), start=1):
        sheet.write_string(at, 0, exception_id)
        sheet.write_string(at, 1, str(version))
    sheet.protect()
    sheet.very_hidden()
