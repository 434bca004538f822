"""Amounts and tables as text.

Belongs here: formats that the UI and the terminal share. Does not: what is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

_CELL = 120


def amount_text(amount: Decimal, currency: str, places: int = 2) -> str:
    """``1,234.50 EUR``: exact, with thousands, at least ``places`` decimals, without further zeros."""
    text = f"{amount:,.4f}"
    whole, _, cents = text.partition(".")
    return f"{whole}.{cents[:places]}{cents[places:].rstrip('0')} {currency}".strip()


def read_amount(text: str) -> tuple[Decimal, str]:
    """The inverse of :func:`amount_text`: the amount and the currency."""
    number, _, currency = text.partition(" ")
    return Decimal(number.replace(",", "")), currency


def cell(value: Any) -> str:
    """A value in a cell: one line, cut when long, an amount with thousands and all its digits."""
    if value is None:
        return ""
    text = " ".join((f"{value:,f}" if isinstance(value, Decimal) else str(value)).split())
    return text if len(text) <= _CELL else text[: _CELL - 3] + "..."


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table; bars in cells are made harmless."""
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(cell(value).replace("|", "\\|") for value in row) + " |" for row in rows]
    return "\n".join(lines)
