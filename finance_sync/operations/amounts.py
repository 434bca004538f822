"""Exact amounts in a database that may have no decimals.

SQLite would keep NUMERIC as a binary float. So an amount is NUMERIC(28,4) on Postgres and, on SQLite, text in one form: sign, no
leading zeros, four decimals. Of two such texts that are not negative the longer is the larger, and of equal length the later.

Belongs here: the column type and its comparisons. Does not: rounding (amounts arrive exact).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

PRECISION, SCALE = 28, 4


def amount_text(value: Decimal) -> str:
    """An amount in the one form that is stored as text.

    Raises:
        ValueError: it has more than four decimals; nothing is rounded here.
    """
    stored = round(value, SCALE)
    if stored != value:
        raise ValueError(f"amount {value} has more than {SCALE} decimals")
    return f"{stored or abs(stored):.{SCALE}f}"


class ExactAmount(TypeDecorator[Decimal]):
    """DECIMAL(28,4) on every engine."""

    impl = sa.String
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        """Text where the engine has no decimals."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.String(PRECISION + 3))
        return dialect.type_descriptor(sa.Numeric(PRECISION, SCALE))

    def process_bind_param(self, value: Decimal | None, dialect: sa.Dialect) -> Any:
        """To the database."""
        return value if value is None or dialect.name != "sqlite" else amount_text(value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Decimal | None:  # noqa: ARG002
        """From the database."""
        return None if value is None else Decimal(value)


def at_least(column: sa.Column[Any], amount: Decimal, dialect: str) -> sa.ColumnElement[bool]:
    """``column >= amount``, exactly; both not negative."""
    if dialect != "sqlite":
        return column >= amount
    text = amount_text(amount)
    raw = sa.type_coerce(column, sa.String)
    length = sa.func.length(raw)
    return sa.or_(length > len(text), sa.and_(length == len(text), raw >= text))


def largest_first(column: sa.Column[Any], dialect: str) -> list[sa.ColumnElement[Any]]:
    """ORDER BY of amounts that are not negative, largest first, unknown ones last."""
    unknown = sa.case((column.is_(None), 1), else_=0)
    if dialect != "sqlite":
        return [unknown, column.desc()]
    raw = sa.type_coerce(column, sa.String)
    return [unknown, sa.func.length(raw).desc(), raw.desc()]
