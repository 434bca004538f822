"""What a reader hands to the landing: an open read of one object at one moment.

Belongs here: the shape shared by all readers. Does not: any reader (files, sql, resources).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from types import TracebackType
from typing import Literal, Self

import polars as pl

from finance_sync.catalog.models import NumberFormat

Physical = Literal["text", "integer", "decimal", "float", "boolean", "date", "timestamp", "other"]
Cursor = datetime | date | int
StatementKind = Literal["control_file", "total_row", "sql", "recount", "none"]

PAGE_ROWS = 500_000  # rows of a page: large enough for vectorised work, some 100 MB for a wide ledger line


@dataclass(frozen=True)
class Window:
    """Lower end of a delta, inclusive, as the cursor field counts: a time is UTC and naive. None: everything."""

    start: Cursor | None = None


@dataclass(frozen=True)
class Statement:
    """What the source itself says it has in the window (control C01, SPEC 7).

    Attributes:
        kind: where the figures come from: a delivered control file, the file's own total row, the source's SQL engine,
            an independent count of the file's records, or nowhere.
        rows: number of records; None when the source does not say.
        totals: exact sum per control total that the source states.
    """

    kind: StatementKind
    rows: int | None = None
    totals: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True)
class FileFacts:
    """One file (or member of an archive) as it was found.

    Attributes:
        name: path below the connection's root, ``archive.zip/member`` for a member.
        stamp: size, modification time and etag of the stored file, as text; equal stamps mean an untouched file.
        sha256: of the content (of a Parquet file's footer, in cursor mode); empty before it was looked at.
        rows: records by the independent count, header and skipped lines left out; None when not counted.
    """

    name: str
    stamp: str
    sha256: str = ""
    rows: int | None = None


@dataclass(frozen=True)
class BrokenRecord:
    """A record that could not be cut into fields: its untouched text and what is wrong with it."""

    text: str
    problem: str


@dataclass(frozen=True)
class Page:
    """Some records under the source's own column names.

    Attributes:
        frame: texts as the source wrote them, or typed values where the source has types.
        broken: records that could not be cut into fields.
        unseen: the records come from a file that was never read before, so that the window does not apply to them.
    """

    frame: pl.DataFrame
    broken: tuple[BrokenRecord, ...] = ()
    unseen: bool = False


class Pull(ABC):
    """An open read of one object. ``pages`` may be called more than once and gives the same records each time.

    Attributes:
        kind: ``file``, ``sql`` or ``resource``.
        columns: column of the source -> physical class of its values.
        dynamic: the source does not enforce its columns' types (text files, XLSX, SQLite): texts may stand for numbers.
        numbers: how its texts write numbers.
        content: identifies what is read; equal for two reads of the same content.
        files: the files it reads, for file sources.
    """

    kind: str = "file"
    columns: Mapping[str, Physical]
    dynamic: bool = True
    numbers: NumberFormat = NumberFormat()
    content: str = ""
    files: tuple[FileFacts, ...] = ()

    @abstractmethod
    def pages(self) -> Iterator[Page]:
        """The records, page by page.

        Raises:
            SourceError: the source broke off or is not what it says.
        """

    @abstractmethod
    def statement(self) -> Statement:
        """What the source says it has."""

    def close(self) -> None:
        """Let go of connections and temporary files."""
        return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def physical_class(dtype: pl.DataType) -> Physical:
    """Physical class of a Polars type."""
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return "text"
    if dtype.is_integer():
        return "integer"
    if dtype.is_float():
        return "float"
    if dtype.is_decimal():
        return "decimal"
    plain: dict[type[pl.DataType], Physical] = {
        pl.Boolean: "boolean",
        pl.Date: "date",
        pl.Datetime: "timestamp",
        pl.Null: "text",
    }
    return plain.get(dtype.base_type(), "other")
