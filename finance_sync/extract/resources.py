"""dlt resources: each declared object as one, and any dlt resource as a pull.

So that users can bring any dlt source (REST with its paginators, say) and land it under a contract, and use a declared object
in code of their own. No dlt *pipeline* is involved: the landing writes its own batches. dlt is imported only here and only
when asked for: it costs 0.4 s warm and 1.3 s cold per process, and the nightly run has no need of it.

Belongs here: the bridge, both ways. Does not: any source.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
from typing_extensions import override

from finance_sync.catalog.models import System
from finance_sync.errors import SourceError
from finance_sync.extract.pull import Page, Physical, Pull, Statement, Window, physical_class
from finance_sync.extract.source import open_pull
from finance_sync.settings import Settings

if TYPE_CHECKING:
    from dlt.extract import DltResource


def resource_of(settings: Settings, system: System, name: str, window: Window | None = None) -> DltResource:
    """A declared object as a dlt resource of Arrow tables: records as the source has them, by their columns there.

    Args:
        settings: the data home, and values of placeholders.
        system: the declared system.
        name: one of its objects.
        window: lower end of the delta; default everything.

    Returns:
        The resource; iterating it raises SourceError as ``open_pull`` does.
    """
    import dlt

    def tables() -> Iterator[pa.Table]:
        with open_pull(settings, system, name, window or Window()) as pull:
            for page in pull.pages():
                if page.frame.height:
                    yield page.frame.to_arrow(compat_level=pl.CompatLevel.oldest())

    spec = system.objects[name]
    resource: DltResource = dlt.resource(tables, name=f"{system.system}__{name}", primary_key=list(spec.key))
    return resource


class ResourcePull(Pull):
    """The items of a dlt resource (or any iterable of dicts, lists of dicts, or Arrow tables) as a pull.

    Hand it to ``landing.land_object(..., pull=...)``. The items are taken once and held, so that they can be read twice; the
    source makes no statement of its own. Numbers with a fraction in dicts are floats by the time they come here, so amounts
    should come as texts or Decimals.
    """

    kind = "resource"

    def __init__(self, items: Iterable[Any], where: str) -> None:
        """Take all items.

        Raises:
            SourceError: an item is neither a record nor a table.
        """
        frames = [_frame(item, where) for item in items]
        self._frames = [frame for frame in frames if frame.height]
        joined = pl.concat(self._frames, how="diagonal_relaxed") if self._frames else pl.DataFrame()
        self._frame = joined
        self.columns: Mapping[str, Physical] = {
            name: physical_class(dtype) for name, dtype in joined.schema.items()
        }
        self.content = hashlib.sha256(joined.write_json().encode()).hexdigest() if joined.width else ""

    @override
    def pages(self) -> Iterator[Page]:
        if self._frame.height:
            yield Page(self._frame)

    @override
    def statement(self) -> Statement:
        return Statement("none")


def _frame(item: Any, where: str) -> pl.DataFrame:
    if isinstance(item, pl.DataFrame):
        return item
    if isinstance(item, (pa.Table, pa.RecordBatch)):
        frame = pl.from_arrow(item)
        assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a table is a frame
        return frame
    records = item if isinstance(item, list) else [item]
    if not all(isinstance(record, Mapping) for record in records):
        raise SourceError(
            f"{where}: the resource gave a {type(item).__name__}, which is neither a record nor a table",
            remedy="yield dicts, lists of dicts, or Arrow tables",
        )
    names = list(dict.fromkeys(name for record in records for name in record))
    return pl.DataFrame([_column(name, [record.get(name) for record in records]) for name in names])


def _column(name: str, values: list[Any]) -> pl.Series:
    """Nested values as JSON text; Decimals as text, so that no digit is lost; the rest as it is."""
    kinds = {type(value) for value in values} - {type(None)}
    if kinds and kinds <= {bool} | {int} | {float} and len(kinds) == 1:
        return pl.Series(name, values)
    if len(kinds) == 1 and next(iter(kinds)).__name__ in {"date", "datetime"}:
        return pl.Series(name, values)
    return pl.Series(name, [_text(value) for value in values], dtype=pl.String)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return (
        json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list, bool, float)) else str(value)
    )
