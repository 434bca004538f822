"""The contract of one source object, ready to be applied: which column is which field, and whether the types can hold it.

Belongs here: what can be judged once per pull, from names and types. Does not: judging records (check), values (convert).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from finance_sync.catalog.loader import Deployment
from finance_sync.catalog.models import FieldSpec, FileRead, NumberFormat, SourceObject
from finance_sync.catalog.product import minor_units
from finance_sync.catalog.types import DECIMALS
from finance_sync.errors import SourceError
from finance_sync.extract.columns import column_of, shown
from finance_sync.extract.pull import Physical, Pull

EXTRA = "_extra_"
BATCH_COLUMNS = ("_batch_id", "_batch_seq", "_row_hash", "_deleted")
_NUMBERS = {"amount", "price", "quantity", "rate"}
_FAMILY: dict[Physical, str] = {
    "integer": "number", "decimal": "number", "float": "binary float", "text": "text", "boolean": "boolean", "date": "time",
    "timestamp": "time", "other": "other",
}  # fmt: skip


@dataclass(frozen=True)
class Contract:
    """What a deployment says of one object.

    Attributes:
        system: name of the system.
        name: name of the object.
        spec: its declaration.
        time_zone: of the source; its times without zone are in it.
        minor_units: currency -> decimals (ISO 4217).
        version: changes when the declaration changes in a way that could make a record look different.
    """

    system: str
    name: str
    spec: SourceObject
    time_zone: str
    minor_units: Mapping[str, int]
    version: str

    @property
    def where(self) -> str:
        """``system.object``, for messages."""
        return f"{self.system}.{self.name}"

    @property
    def key(self) -> list[str]:
        """Key fields."""
        return self.spec.key

    @property
    def cursor(self) -> str | None:
        """Field with the change time, in cursor mode."""
        return self.spec.delta.cursor

    @property
    def mode(self) -> str:
        """Delta mode: cursor, snapshot or full."""
        return self.spec.delta.mode

    def is_required(self, field: str) -> bool:
        """Whether a record without this field is rejected. Keys and the cursor always are."""
        return self.spec.fields[field].required or field in self.key or field == self.cursor

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """Fields and their landed types."""
        return {name: polars_type(spec) for name, spec in self.spec.fields.items()}


def polars_type(spec: FieldSpec) -> pl.DataType:
    """Landed type of a field: amounts decimal(18,4), times UTC without zone in microseconds (SPEC 3)."""
    if spec.type in DECIMALS:
        return pl.Decimal(*DECIMALS[spec.type])
    plain: dict[str, pl.DataType] = {
        "integer": pl.Int64(), "boolean": pl.Boolean(), "date": pl.Date(), "timestamp": pl.Datetime("us"),
    }  # fmt: skip
    return plain.get(spec.type, pl.String())


def contract_of(deployment: Deployment, system: str, name: str) -> Contract:
    """The contract of an object.

    Raises:
        KeyError: the deployment has no such object.
    """
    declared = deployment.systems[system]
    spec = declared.objects[name]
    said = {
        "read": spec.read.model_dump(mode="json", exclude={"control_file"}),
        "key": spec.key,
        "cursor": [spec.delta.mode, spec.delta.cursor],
        "fields": {
            field: item.model_dump(mode="json", exclude={"note"}) for field, item in spec.fields.items()
        },
        "time_zone": declared.time_zone,
    }
    version = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]
    return Contract(system, name, spec, declared.time_zone, minor_units(), version)


@dataclass(frozen=True)
class Binding:
    """A contract matched with the columns of one pull.

    Attributes:
        contract: the contract.
        columns: field -> column of the source.
        extras: column of the source that no field declares -> name it is kept under.
        physical: field -> class of its values in the source.
        numbers: how texts write numbers.
        lenient_times: texts of times may also be ISO 8601 where a format is declared (typed cells, replayed payloads).
        rounded_floats: floats count as the decimals that they show (XLSX, whose only numbers are floats).
        is_fixed: the untouched record is the line, in column ``_line``.
    """

    contract: Contract
    columns: Mapping[str, str]
    extras: Mapping[str, str]
    physical: Mapping[str, Physical]
    numbers: NumberFormat
    lenient_times: bool
    rounded_floats: bool
    is_fixed: bool

    @property
    def schema_fingerprint(self) -> str:
        """Changes when the source's declared or undeclared columns change in name or class."""
        text = json.dumps([sorted(self.physical.items()), sorted(self.extras.values())])
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """Landed columns: fields, then undeclared columns as text."""
        return {**self.contract.schema, **dict.fromkeys(self.extras.values(), pl.String())}


def bind(contract: Contract, pull: Pull, earlier: Mapping[str, str]) -> Binding:
    """Match a contract with a pull's columns.

    Args:
        contract: the contract.
        pull: the open pull.
        earlier: field -> class in the last batch under the same contract; empty when there is none.

    Returns:
        The binding.

    Raises:
        SourceError: a declared column is missing, holds another type than the contract needs, or changed its type.
    """
    binding = bind_columns(contract, pull.columns, pull.numbers)
    is_workbook = isinstance(contract.spec.read, FileRead) and contract.spec.read.format == "xlsx"
    for field, kind in binding.physical.items():
        spec = contract.spec.fields[field]
        require_type(
            contract, field, spec, binding.columns[field], kind, dynamic=pull.dynamic, is_workbook=is_workbook
        )
        before = earlier.get(field)
        if before and not pull.dynamic and _FAMILY.get(before) != _FAMILY[kind]:  # type: ignore[call-overload]
            raise SourceError(
                f"{contract.where}: column {binding.columns[field]!r} (field {field!r}) changed its type at the source, "
                f"from {before} to {kind}",
                remedy="agree the change with the source's owner; any change of the contract accepts it",
            )
    return binding


def bind_columns(
    contract: Contract, columns: Mapping[str, Physical], numbers: NumberFormat, *, is_replay: bool = False
) -> Binding:
    """Match by names alone.

    Raises:
        SourceError: a declared column is missing.
    """
    names = [name for name in columns if name != "_line"]
    found = {field: column_of(contract.spec, field, names, contract.where) for field in contract.spec.fields}
    _require_distinct(contract, found)
    read = contract.spec.read
    is_file = isinstance(read, FileRead)
    return Binding(
        contract=contract,
        columns=found,
        extras=_extras([name for name in names if name not in set(found.values())]),
        physical={field: columns[column] for field, column in found.items()},
        numbers=numbers,
        lenient_times=is_replay or (isinstance(read, FileRead) and read.format == "xlsx"),
        rounded_floats=isinstance(read, FileRead) and read.format == "xlsx",
        is_fixed=is_file and isinstance(read, FileRead) and read.format == "fixed",
    )


def _require_distinct(contract: Contract, found: Mapping[str, str]) -> None:
    by_column: dict[str, list[str]] = {}
    for field, column in found.items():
        by_column.setdefault(column, []).append(field)
    for column, fields in by_column.items():
        if len(fields) > 1:
            raise SourceError(
                f"{contract.where}: fields {', '.join(map(repr, fields))} are all read from column {column!r}",
                remedy="give each its own `header` or `position`",
            )


def _extras(names: Sequence[str]) -> dict[str, str]:
    """Names for undeclared columns, different from each other whatever the case, as engines fold it."""
    kept: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        wanted = EXTRA + name.strip()
        number = 1
        while wanted.casefold() in taken:
            number += 1
            wanted = f"{EXTRA}{name.strip()}_{number}"
        taken.add(wanted.casefold())
        kept[name] = wanted
    return kept


def require_type(
    contract: Contract,
    field: str,
    spec: FieldSpec,
    column: str,
    kind: Physical,
    *,
    dynamic: bool,
    is_workbook: bool,
) -> None:
    """A column must be able to hold what the contract says.

    Raises:
        SourceError: it cannot; names field, column, type found and what to do.
    """
    allowed: set[Physical]
    if spec.type in _NUMBERS:
        allowed = {"decimal", "integer"}
        hint = "have it delivered as a decimal; or, for a query, cast it; a text column stays text by `type: text`"
    elif spec.type == "integer":
        allowed = {"integer", "decimal", "float"}
        hint = "have it delivered as an integer, or declare `type: text`"
    elif spec.type == "boolean":
        allowed, hint = (
            {"boolean", "integer", "text"},
            "have it delivered as a boolean, or declare `type: text`",
        )
    elif spec.type in {"date", "timestamp"}:
        allowed, hint = (
            {"date", "timestamp", "text"},
            "have it delivered as a date or time, or declare `type: text`",
        )
    else:
        allowed = {"text", "integer", "decimal", "boolean", "date", "timestamp"}
        hint = "have it delivered as text: a code kept as a number loses its leading zeros"
    if dynamic:
        allowed = allowed | {"text"}
    if spec.type in _NUMBERS and (spec.binary_float or is_workbook):
        allowed = allowed | {"float"}
    if spec.type in {"text", "currency"} and is_workbook:
        allowed = allowed | {"float"}
    if kind in allowed:
        return
    if kind == "float" and spec.type in _NUMBERS:
        raise SourceError(
            f"{contract.where}: column {column!r} (field {field!r}, {spec.type}) is stored as binary floats, which are not exact",
            remedy="have it delivered as a decimal or as text; else declare `binary_float: true` and say why in `note`",
        )
    raise SourceError(
        f"{contract.where}: column {column!r} (field {field!r}) is {kind}; the contract says {spec.type}",
        remedy=hint,
    )


def listed(names: Sequence[str]) -> str:
    """A bounded list of names, for messages."""
    return shown([repr(name) for name in names])
