"""The scalar types of the catalog, and what each is in Arrow and in SQL. Written once; all else asks here.

Belongs here: the type table. Does not: parsing of source values (landing), models of the declarations
(models).
"""

from __future__ import annotations

from typing import Literal

import pyarrow as pa

ScalarType = Literal[
    "text", "integer", "boolean", "date", "timestamp", "amount", "price", "quantity", "rate", "currency"
]
Engine = Literal["duckdb", "postgres"]

# (precision, scale) of the exact numbers. quantity x price is (36,10), so products fit DECIMAL(38) on every
# engine.
DECIMALS: dict[str, tuple[int, int]] = {
    "amount": (18, 4),
    "quantity": (18, 4),
    "price": (18, 6),
    "rate": (18, 10),
}

_ARROW: dict[str, pa.DataType] = {
    "text": pa.string(),
    "currency": pa.string(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    **{name: pa.decimal128(precision, scale) for name, (precision, scale) in DECIMALS.items()},
}

_SQL: dict[str, str] = {
    "text": "varchar",
    "currency": "varchar",
    "integer": "bigint",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
    **{name: f"numeric({precision},{scale})" for name, (precision, scale) in DECIMALS.items()},
}


def arrow_type(name: str) -> pa.DataType:
    """Arrow type of a catalog type: ``amount`` -> decimal128(18, 4), ``timestamp`` -> timestamp[us] (UTC).

    Raises:
        KeyError: the name is not a catalog type.
    """
    return _ARROW[name]


def sql_type(name: str, engine: Engine = "duckdb") -> str:
    """SQL type of a catalog type; both engines read the same spelling, which dbt contracts use too.

    Raises:
        KeyError: the name is not a catalog type.
    """
    del engine  # one spelling serves both; the parameter is the place for the next engine
    return _SQL[name]
