"""The product's own tables as typed values: canonical objects, reference tables, controls, currencies.

Belongs here: reading canonical.yaml, reference.yaml, controls.yaml and currencies.csv, once per process.
Does not: anything a deployment owns (loader).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import yaml
from pydantic import Field

from finance_sync.catalog.models import Strict
from finance_sync.catalog.types import ScalarType, arrow_type

FOLDER = Path(__file__).parent

Status = Literal[
    "missing_left", "missing_right", "amount", "quantity", "price", "tax", "currency", "account_coding",
    "period", "duplicate", "ambiguous",
]  # fmt: skip


class Column(Strict):
    """One column of a canonical object or reference table."""

    name: str
    type: ScalarType
    required: bool = False
    description: str = ""
    values: tuple[str, ...] | None = None


class DimensionCode(Strict):
    """A source code that facts carry, and the canonical id that the crosswalk makes of it."""

    name: str
    maps_to: str
    kind: Literal["legal_entity", "account", "cost_center", "project", "supplier"]


class CanonicalObject(Strict):
    """One canonical object: what staging supplies and what its model holds.

    ``feed_columns`` are the columns a staging model may supply (source codes); ``columns`` are those of the
    canonical model. ``versions``: a second model keeps the landed versions before the present one.
    """

    name: str
    model: str
    kind: Literal["dimension", "fact"]
    grain: str
    key: tuple[str, ...]
    date: str | None = None
    dimensions: tuple[str, ...] = ()
    segments: bool = False
    versions: bool = False
    feed: tuple[Column, ...]
    adds: tuple[Column, ...] = ()
    feed_columns: tuple[Column, ...]
    columns: tuple[Column, ...]


class ReferenceTable(Strict):
    """One reference table: reference/<name>.csv."""

    name: str
    required: bool = False
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def arrow_schema(self) -> pa.Schema:
        """Columns in their Arrow types."""
        return pa.schema([pa.field(column.name, arrow_type(column.type)) for column in self.columns])


class Side(Strict):
    """One side of a control's comparison."""

    system: str
    object: str


class Tolerance(Strict):
    """Default tolerance of a control; reference/tolerances.csv refines it.

    A difference passes within the larger of absolute and percent (SPEC 7).
    """

    absolute_functional: Decimal
    percent: Decimal
    lag_days: int
    reason: str


class Severity(Strict):
    """A severity, from which amount at risk (group currency) on, and the days allowed."""

    from_amount: Decimal = Field(alias="from")
    severity: Literal["low", "medium", "high", "critical"]
    days: int


class Escalation(Strict):
    """Who is told when a deadline has passed: the first queue at once, each next one so many days later."""

    every_days: int = Field(gt=0)
    to: tuple[str, ...] = Field(min_length=1)


class Reason(Strict):
    """One way in which a control fails."""

    status: Status
    text: str


class Control(Strict):
    """One control of SPEC 7."""

    id: str
    name: str
    area: str
    model: str
    left: Side
    right: Side
    key: str
    compares: str
    why: str = ""
    example: str = ""
    authoritative: Literal["left", "right"]
    owner: str
    blocking: bool
    needs: tuple[str, ...]
    tolerance: Tolerance
    remedy: str
    reasons: dict[str, Reason]
    severities: tuple[Severity, ...]
    raise_after_days: dict[str, int]
    escalation: Escalation

    def unmet(self, fed: Mapping[str, Any]) -> list[str]:
        """Needs that nothing feeds.

        Args:
            fed: canonical objects (or reference tables) that have at least one feed (or row);
                ``account_roles=gr_ir`` is an account role that some row names.

        Returns:
            The unmet needs as written; ``a|b`` is unmet when neither is fed. Empty when the control is
            applicable.
        """
        return [need for need in self.needs if not any(fed.get(name) for name in need.split("|"))]


def _product_yaml(name: str) -> dict[str, Any]:
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    data: dict[str, Any] = yaml.load((FOLDER / name).read_bytes(), Loader=loader)  # noqa: S506 (a safe loader)
    return data


def _columns(rows: list[dict[str, Any]]) -> tuple[Column, ...]:
    return tuple(Column.model_validate(row) for row in rows)


@lru_cache(maxsize=1)
def dimension_codes() -> dict[str, DimensionCode]:
    """Source code name -> its canonical id and kind."""
    rows = (DimensionCode.model_validate(row) for row in _product_yaml("canonical.yaml")["dimension_codes"])
    return {row.name: row for row in rows}


@lru_cache(maxsize=1)
def canonical_objects() -> dict[str, CanonicalObject]:
    """The canonical objects by name, in the order of canonical.yaml."""
    data = _product_yaml("canonical.yaml")
    common_feed, common_fact = _columns(data["common_feed"]), _columns(data["common_fact"])
    segments = _columns(data["segments"])
    objects = {}
    for name, raw in data["objects"].items():
        feed, adds = _columns(raw["feed"]), _columns(raw.get("adds", []))
        with_segments = segments if raw.get("segments") else ()
        if raw["kind"] == "fact":
            codes = tuple(
                Column(
                    name=code,
                    type="text",
                    required=code == "entity_code",
                    description=f"{code[:-5]} as the source writes it.",
                )
                for code in raw["dimensions"]
            )
            feed_columns = (*common_feed, *codes, *with_segments, *feed)
            columns = _fact_columns(common_fact, codes, with_segments, feed, adds)
        else:
            feed_columns = (*common_feed, *feed)
            columns = _dimension_columns(raw["key"], feed, adds)
        objects[name] = CanonicalObject(
            name=name,
            **{k: v for k, v in raw.items() if k not in {"feed", "adds", "key"}},
            key=tuple(raw.get("key", ("record_key",))),
            feed=feed,
            adds=adds,
            feed_columns=feed_columns,
            columns=columns,
        )
    return objects


def _fact_columns(
    common: tuple[Column, ...],
    codes: tuple[Column, ...],
    segments: tuple[Column, ...],
    feed: tuple[Column, ...],
    adds: tuple[Column, ...],
) -> tuple[Column, ...]:
    """Common columns, each code beside its canonical id, segments, the feed, what is derived (it wins)."""
    derived = {column.name for column in adds}
    pairs: list[Column] = []
    for code in codes:
        target = dimension_codes()[code.name]
        text = f"Canonical {target.kind.replace('_', ' ')}; UNMAPPED when the code has no counterpart"
        optional = "" if target.kind == "legal_entity" else ", NONE when no code was given"
        pairs.append(
            Column(name=target.maps_to, type="text", required=True, description=f"{text}{optional}.")
        )
        # The code stays optional in the model, so that a fact without it lands on UNMAPPED and is seen.
        pairs.append(code.model_copy(update={"required": False}))
    kept = tuple(column for column in feed if column.name not in derived)
    return (*common, *pairs, *segments, *kept, *adds)


def _dimension_columns(
    key: list[str], feed: tuple[Column, ...], adds: tuple[Column, ...]
) -> tuple[Column, ...]:
    """Feed columns with codes renamed to canonical ids; the key first, then the system of record."""
    renamed = []
    for column in feed:
        name, description = column.name, column.description
        for code in dimension_codes().values():
            if column.name in (code.name, f"parent_{code.name}"):
                name = column.name.replace(code.name, code.maps_to)
                description = description or f"Canonical {code.kind.replace('_', ' ')} code."
        renamed.append(column.model_copy(update={"name": name, "description": description}))
    keys = [column for column in renamed if column.name in key]
    rest = [column for column in renamed if column.name not in key]
    system = Column(
        name="source_system", type="text", required=True,
        description="System of record; finance_sync for the members UNMAPPED and NONE.",
    )  # fmt: skip
    deleted = Column(
        name="is_deleted",
        type="boolean",
        required=True,
        description="Gone at the source; kept because facts name it.",
    )
    return (*keys, system, *rest, *adds, deleted)


@lru_cache(maxsize=1)
def reference_tables() -> dict[str, ReferenceTable]:
    """The reference tables by name, in the order of reference.yaml."""
    tables = _product_yaml("reference.yaml")["tables"]
    return {
        name: ReferenceTable(
            name=name,
            required=raw.get("required", False),
            description=raw["description"],
            key=tuple(raw["key"]),
            columns=_columns(raw["columns"]),
        )
        for name, raw in tables.items()
    }


@lru_cache(maxsize=1)
def controls() -> dict[str, Control]:
    """The table of controls by number, with the default severities filled in."""
    data = _product_yaml("controls.yaml")
    rows = (Control.model_validate({**data["defaults"], **raw}) for raw in data["controls"])
    return {row.id: row for row in rows}


@lru_cache(maxsize=1)
def currencies() -> pa.Table:
    """The currencies of ISO 4217, current and withdrawn.

    Returns:
        currency_code, name, minor_units (int64, NULL where ISO gives none), withdrawn_on (date, NULL while
        current).
    """
    with (FOLDER / "currencies.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    withdrawn = pa.array([row["withdrawn_on"] or None for row in rows], pa.string())
    return pa.table(
        {
            "currency_code": pa.array([row["currency_code"] for row in rows], pa.string()),
            "name": pa.array([row["name"] for row in rows], pa.string()),
            "minor_units": pa.array(
                [int(row["minor_units"]) if row["minor_units"] else None for row in rows], pa.int64()
            ),
            "withdrawn_on": withdrawn.cast(pa.date32()),
        }
    )


@lru_cache(maxsize=1)
def minor_units() -> dict[str, int]:
    """Currency code -> decimals of an amount (ISO 4217). Codes without a minor unit (metals) are left out."""
    table = currencies()
    pairs = zip(table["currency_code"].to_pylist(), table["minor_units"].to_pylist(), strict=True)
    return {code: units for code, units in pairs if units is not None}
