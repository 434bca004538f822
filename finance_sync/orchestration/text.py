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


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table: long cells cut, line breaks and bars made harmless, amounts in full."""
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = f"{value:,f}" if isinstance(value, Decimal) else str(value)
    text = " ".join(text.split()).replace("|", "\\|")
    return text if len(text) <= _CELL else text[: _CELL - 3] + "..."
