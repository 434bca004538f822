"""What a workbook holds, and the one form in which a register's row stands in its cells.

Export writes these forms and import compares with them, so a cell that somebody changed is found without any copy of the file.

Belongs here: sheets, columns, forms of cells. Does not: XLSX (write, read), the register (export, take_in).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import polars as pl

from finance_sync.exceptions.dispositions import Verb

FORMAT = "finance-sync workbook 1"
TOTALS, EXCEPTIONS, REGISTER = "Control totals", "Exceptions", "finance-sync"
VERBS: tuple[Verb, ...] = ("assign", "explain", "waive", "resolve")
ID, VERSION = "exception_id", "version"
_MOST_TEXT = 32_767  # characters that a cell takes
_MOST_DIGITS = 15  # decimal digits that a cell's number keeps, whatever they are
# What a spreadsheet takes for the beginning of a formula when it opens a CSV; the wide forms too.
_BEGINS_FORMULA = r"^[=+\-@\u{FF1D}\u{FF0B}\u{FF0D}\u{FF20}]"

Kind = Literal["text", "amount", "date", "integer"]


@dataclass(frozen=True)
class Column:
    """A column of the sheet of exceptions.

    Attributes:
        title: its header; the import finds it by that.
        name: column of the register, or ``age_days``, ``group_currency``.
        kind: what its cells hold.
        width: in characters.
    """

    title: str
    name: str
    kind: Kind = "text"
    width: int = 14


SHOWN: tuple[Column, ...] = (
    Column("Exception", ID, width=34), Column("Control", "control_id", width=8), Column("Entity", "legal_entity_id", width=8),
    Column("Period", "fiscal_period_id", width=16), Column("Business key", "business_key", width=34),
    Column("Aspect", "aspect", width=16), Column("Finding", "finding"), Column("Reason code", "reason_code", width=22),
    Column("Message", "message", width=60), Column("Left system", "left_system_name"),
    Column("Left value", "left_value", width=18),
    Column("Left amount", "left_amount", "amount", 16), Column("Right system", "right_system_name"),
    Column("Right value", "right_value", width=18), Column("Right amount", "right_amount", "amount", 16),
    Column("Difference", "difference_amount", "amount", 16), Column("Currency", "currency_code", width=9),
    Column("At risk, functional", "amount_functional", "amount", 18),
    Column("Functional currency", "functional_currency", width=10), Column("At risk, group", "amount_group", "amount", 18),
    Column("Group currency", "group_currency", width=10), Column("Supplier", "supplier_id"), Column("Account", "account_id"),
    Column("Cost center", "cost_center_id"), Column("Document date", "document_date", "date", 12),
    Column("Severity", "severity", width=10), Column("Opened", "opened_on", "date", 12),
    Column("Age in days", "age_days", "integer", 8),
    Column("Deadline", "deadline_on", "date", 12), Column("Status", "status", width=10), Column("Assignee", "assignee", width=16),
)  # fmt: skip
FILLED: tuple[Column, ...] = (
    Column("Disposition", "disposition", width=14), Column("Assign to", "asked_assignee", width=18),
    Column("Reason", "asked_reason", width=50), Column("Valid until", "asked_until", "date", 12),
    Column("Limit", "asked_limit", "amount", 16), Column("Comment", "asked_comment", width=50),
)  # fmt: skip


@dataclass(frozen=True)
class Origin:
    """What a workbook was made from.

    Attributes:
        workbook: id, the same for the same content.
        owner: queue.
        day: business date that ages are counted to.
        seq, head: last entry of the history, and its hash.
        publication: version of the published marts; empty when nothing is published.
        group_currency: of ``amount_group``.
    """

    workbook: str
    owner: str
    day: date
    seq: int
    head: str
    publication: str
    group_currency: str


def shown(rows: pl.DataFrame, origin_day: date, group_currency: str) -> pl.DataFrame:
    """Rows of the register as the sheet shows them.

    Args:
        rows: tables.COLUMNS.
        origin_day: date that ages are counted to.
        group_currency: ISO code.

    Returns:
        One column per SHOWN, by ``name``: texts in the form of a cell, exact amounts, dates, whole numbers.
    """
    rows = rows.with_columns(
        (pl.lit(origin_day) - pl.col("opened_on")).dt.total_days().alias("age_days"),
        pl.lit(group_currency).alias("group_currency"),
    )
    return rows.select(
        cell_text(pl.col(column.name)) if column.kind == "text" else pl.col(column.name) for column in SHOWN
    )


def cell_text(value: pl.Expr) -> pl.Expr:
    """A text as a cell shows it: control characters as their pictures, so that none hides what follows it; empty is NULL."""
    codes = [code for code in range(32) if code != 10]  # noqa: PLR2004 - a line may end
    pictures = {chr(code): chr(0x2400 + code) for code in codes} | {"\x7f": "\u2421"}
    drawn = value.str.replace_many(list(pictures), list(pictures.values())).str.head(_MOST_TEXT - 1)
    return pl.when(drawn != "").then(drawn)


def begins_formula(value: pl.Expr) -> pl.Expr:
    """Whether a program that opens it as CSV would take a text for a formula."""
    return value.str.contains(_BEGINS_FORMULA)


def guarded(value: pl.Expr) -> pl.Expr:
    """With an apostrophe before what looks like a formula: the only guard that a CSV keeps."""
    return pl.when(begins_formula(value)).then(pl.concat_str(pl.lit("'"), value)).otherwise(value)


def unguarded(value: pl.Expr) -> pl.Expr:
    """A text without apostrophes before it, whoever put them there: programs take or keep the first one."""
    return value.str.strip_chars_start("'")


def fits_number(value: pl.Expr) -> pl.Expr:
    """Whether an exact amount is the same after a cell kept it as a binary double (15 digits)."""
    digits = value.cast(pl.String).str.replace_all(r"[-.]", "")
    return digits.str.strip_chars_start("0").str.strip_chars_end("0").str.len_chars() <= _MOST_DIGITS


def titles(columns: Sequence[Column]) -> list[str]:
    """Headers."""
    return [column.title for column in columns]
