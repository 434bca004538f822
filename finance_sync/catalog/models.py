"""What a deployment may say: pydantic models of systems/*.yaml and deployment.yaml.

Belongs here: shape and rules of the declarations. Does not: reading files (loader), reading sources
(extract).
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

DURATION = r"^\d+ (minutes?|hours?|days?)$"
CURRENCY = r"^[A-Z]{3}$"
NAME = re.compile(r"^[a-z][a-z0-9_]*$")

FieldType = Literal[
    "text", "integer", "boolean", "date", "timestamp", "amount", "price", "quantity", "rate", "currency"
]


class Strict(BaseModel):
    """Base: unknown keys are errors, so that a typo is found."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class FieldSpec(Strict):
    """One field of a source object, under its name in the source."""

    type: FieldType = "text"
    required: bool = False
    currency: str | None = Field(
        default=None, description="For amounts: the field that holds the currency, or a constant ISO code."
    )
    decimals: int | None = Field(
        default=None,
        ge=0,
        le=4,
        description=(
            "For amounts: decimals allowed instead of the currency's minor unit. State why in `note`."
        ),
    )
    binary_float: bool = Field(
        default=False,
        description=(
            "For numbers: the source stores binary floats. A value counts as the decimal of the allowed "
            "decimals whose nearest double it is; one that is no such double is rejected. "
            "State why in `note`."
        ),
    )
    format: str | None = Field(
        default=None, description="For dates and times: strptime format; default ISO 8601."
    )
    values: list[str] | None = Field(default=None, description="Closed list of allowed values.")
    blank: list[str] = Field(
        default_factory=list, description="Texts that mean empty, beside the empty text."
    )
    zero: list[str] = Field(default_factory=list, description="Texts that mean zero in a number, e.g. '-'.")
    position: int | None = Field(default=None, ge=1, description="1-based column of a file without header.")
    start: int | None = Field(default=None, ge=1, description="Fixed width: 1-based first character.")
    width: int | None = Field(default=None, ge=1, description="Fixed width: number of characters.")
    header: str | None = Field(
        default=None, description="Name of the column in the source, where it differs from the field's name."
    )
    note: str | None = Field(default=None, description="Why, for whoever reads the contract.")


class NumberFormat(Strict):
    """How a source writes numbers."""

    decimal: str = Field(default=".", min_length=1, max_length=1)
    thousands: str = Field(default="", max_length=1)
    parentheses_negative: bool = False


class FileRead(Strict):
    """An object read from files."""

    kind: Literal["file"] = "file"
    path: str = Field(description="Path or glob below the connection's root; any fsspec URL.")
    format: Literal["csv", "fixed", "xlsx", "parquet"] = "csv"
    member: str | None = Field(default=None, description="Name or glob of the member inside a zip archive.")
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    quote: str | None = '"'
    has_header: bool = True
    encoding: str = "utf-8"
    skip_rows: int = Field(default=0, ge=0)
    sheet: str | None = None
    numbers: NumberFormat = NumberFormat()
    exclude: dict[str, str] = Field(
        default_factory=dict,
        description=(
            "Rows to leave out, counted in the manifest: field -> value (empty text = blank), e.g. a "
            "total row."
        ),
    )
    total_row: dict[str, str] = Field(
        default_factory=dict,
        description=(
            "The file's own total row: field -> value (empty text = blank). Left out, and its values of "
            "the control totals are what the source says it has."
        ),
    )
    control_file: str | None = Field(
        default=None,
        description=(
            "CSV beside the data, columns file,rows and one per control total, with what the source says "
            "it has."
        ),
    )


class SqlRead(Strict):
    """An object read from a SQL database."""

    kind: Literal["sql"] = "sql"
    table: str | None = None
    query: str | None = Field(default=None, description="A SELECT, used as a subquery.")

    @model_validator(mode="after")
    def _one(self) -> SqlRead:
        if (self.table is None) == (self.query is None):
            raise ValueError("give either `table` or `query`")
        return self


class Delta(Strict):
    """How changes are found."""

    mode: Literal["cursor", "snapshot", "full"]
    cursor: str | None = Field(default=None, description="Field with the change time (or a rising number).")
    lookback: str = Field(default="0 hours", pattern=DURATION, description="Overlap of two pulls.")
    deletions: bool = Field(default=True, description="Snapshot: a key that is gone is a deletion.")

    @model_validator(mode="after")
    def _cursor(self) -> Delta:
        if (self.mode == "cursor") != (self.cursor is not None):
            raise ValueError("`cursor` names the change field, with mode cursor and only there")
        return self


class SourceObject(Strict):
    """One object (table, file, resource) of a source system and its contract."""

    title: str = ""
    read: Annotated[FileRead | SqlRead, Field(discriminator="kind")]
    key: list[str] = Field(min_length=1)
    delta: Delta
    fields: dict[str, FieldSpec] = Field(min_length=1)
    control_totals: list[str] = Field(
        default_factory=list, description="Amount or quantity fields summed by C01."
    )
    feeds: list[str] = Field(
        default_factory=list,
        description=(
            "Canonical objects it feeds. The staging model is stg_<system>__<object>; `canonical:name` "
            "names another model."
        ),
    )
    joins: list[str] = Field(
        default_factory=list,
        description=(
            "Objects of the same system that its staging models join. A new batch of one of them brings "
            "all batches of all of them into scope."
        ),
    )
    latency_target: str = Field(default="26 hours", pattern=DURATION)
    owner: str | None = None

    @model_validator(mode="after")
    def _names(self) -> SourceObject:
        for name in [*self.key, *self.control_totals, *([self.delta.cursor] if self.delta.cursor else [])]:
            if name not in self.fields:
                raise ValueError(
                    f"{name!r} is named in key, cursor or control_totals and is not among the fields"
                )
        for name, spec in self.fields.items():
            if spec.type == "amount" and spec.currency is None and spec.decimals is None:
                raise ValueError(
                    f"amount field {name!r} needs `currency` (a field or an ISO code) or `decimals`"
                )
        return self

    def staging_models(self, system: str, name: str) -> dict[str, str]:
        """Canonical object -> staging model that supplies it."""
        pairs = (feed.partition(":") for feed in self.feeds)
        return {canonical: model or f"stg_{system}__{name}" for canonical, _, model in pairs}


class Connection(Strict):
    """Where a system is.

    ``${NAME}`` is taken from the environment, ``{home}`` is the data home, ``{deployment}`` the deployment's
    folder.
    """

    kind: Literal["files", "sql"]
    url: str


class System(Strict):
    """One source system: systems/<name>.yaml."""

    system: str
    title: str
    role: Literal["planning", "procurement", "erp", "bank", "expense", "billing", "project", "other"]
    owner: str
    time_zone: str = "UTC"
    connection: Connection
    crosswalk: dict[
        Literal["legal_entity", "account", "cost_center", "project", "supplier"],
        Literal["identity", "mapped"],
    ] = Field(default_factory=dict, description="How its codes become canonical ones; default identity.")
    objects: dict[str, SourceObject] = Field(min_length=1)

    @field_validator("system")
    @classmethod
    def _system_name(cls, value: str) -> str:
        if not NAME.match(value):
            raise ValueError("lower case letters, digits and underscores, a letter first")
        return value

    @field_validator("objects")
    @classmethod
    def _object_names(cls, value: dict[str, SourceObject]) -> dict[str, SourceObject]:
        for name in value:
            if not NAME.match(name):
                raise ValueError(
                    f"object {name!r}: lower case letters, digits and underscores, a letter first"
                )
        return value


class DeploymentFile(Strict):
    """deployment.yaml."""

    name: str
    title: str
    group_currency: str = Field(pattern=CURRENCY)
    segments: dict[
        Literal["segment_1", "segment_2", "segment_3", "segment_4", "segment_5", "segment_6"], str
    ] = Field(default_factory=dict, description="Names of the deployment's own analytic dimensions.")
    clock: str | None = Field(
        default=None, description="Text file with the business date; `{home}` is the data home."
    )
