"""Great Expectations, kept at arm's length: import, one context, one validation per table.

Belongs here: everything that knows GX. Does not: what an outcome means for a control (judge).

GX is imported when the first table is judged, in about 1.5 s with byte code and 4.4 s without (importing it
plainly takes 2.6 s and 6.3 s): scipy and altair, which only its distribution expectations use, load when they
are first touched.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import sys
import types
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Self

from finance_sync.controls.connection import ConnectionInfo
from finance_sync.errors import WarehouseError

# Imported by modules of GX that none of our suites uses.
_HEAVY = ("scipy", "scipy.stats", "altair")


class _Deferred(types.ModuleType):
    """Stands for a module until one of its attributes is asked for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        _remove_deferred()
        return getattr(importlib.import_module(self.__name__), name)


def _remove_deferred() -> None:
    for name in _HEAVY:
        if isinstance(sys.modules.get(name), _Deferred):
            del sys.modules[name]


@contextmanager
def _quick_import() -> Iterator[None]:
    """Defer the heavy modules and the garbage collector while GX is imported."""
    if not any(name in sys.modules for name in _HEAVY) and all(
        importlib.util.find_spec(n) for n in ("scipy", "altair")
    ):
        for name in _HEAVY:
            sys.modules[name] = _Deferred(name)
        sys.modules["scipy"].stats = sys.modules["scipy.stats"]  # type: ignore[attr-defined]
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        _remove_deferred()
        if collecting:
            gc.enable()


def import_gx() -> Any:
    """Import Great Expectations, quickly."""
    if "great_expectations" not in sys.modules:
        with _quick_import():
            importlib.import_module("great_expectations")
    return sys.modules["great_expectations"]


@dataclass(frozen=True)
class Verdict:
    """What GX says about one expectation.

    Attributes:
        success: it holds; meaningless when ``error`` is filled.
        error: why it could not be evaluated, in one line; empty otherwise.
    """

    success: bool
    error: str = ""


class Judge:
    """One GX context on one warehouse. Use as a context manager."""

    def __init__(self, info: ConnectionInfo) -> None:
        """Connect.

        Raises:
            WarehouseError: the warehouse cannot be reached.
        """
        self._gx = import_gx()
        if info.engine == "duckdb":
            from finance_sync.controls.duckdb_dialect import register

            register()
        self._context = self._gx.get_context(mode="ephemeral")
        self._context.enable_analytics(enable=False)
        self._context.variables.progress_bars = {"globally": False, "metric_calculations": False}
        try:
            with _quiet():
                self._source = self._context.data_sources.add_sql(
                    "warehouse",
                    connection_string=info.url(),
                    create_temp_table=False,
                    kwargs=info.engine_options(),
                )
        except Exception as error:
            raise WarehouseError(
                f"Great Expectations cannot reach the warehouse: {one_line(error)}"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # GX keeps two SQLAlchemy engines; both must let go of the file.
        with suppress(Exception):
            self._source.get_execution_engine().close()
        self._source.get_engine().dispose()

    def validate(
        self, schema: str, table: str, expectations: Sequence[Mapping[str, Any]], *, query: str | None = None
    ) -> list[Verdict]:
        """Judge one table, all expectations in one validation (GX bundles their aggregates into one scan).

        Args:
            schema: schema of the table.
            table: table or view.
            expectations: GX's own JSON.
            query: a SELECT on the table that narrows what is judged.

        Returns:
            One verdict per expectation, in order. A table that cannot be read gives an error for each.
        """
        # GX returns results in an order of its own.
        numbered = [
            {**expectation, "meta": {**expectation["meta"], "position": position}}
            for position, expectation in enumerate(expectations)
        ]
        try:
            with _quiet():
                batch = self._batch(schema, table, query)
                suite = self._gx.ExpectationSuite(name=f"{schema}_{table}", expectations=numbered)
                result = batch.validate(suite, result_format="BOOLEAN_ONLY")
        except Exception as error:  # noqa: BLE001 (whatever GX raises is the outcome of these checks)
            return [Verdict(success=False, error=one_line(error))] * len(expectations)
        answers = {row.expectation_config.meta["position"]: row for row in result.results}
        return [_verdict(answers.get(position)) for position in range(len(numbered))]

    def _batch(self, schema: str, table: str, query: str | None) -> Any:
        name = f"{schema}_{table}"
        if query is None:
            asset = self._source.add_table_asset(name, table_name=table, schema_name=schema)
        else:
            asset = self._source.add_query_asset(name, query=query)
        return asset.add_batch_definition_whole_table("all").get_batch()


def _verdict(row: Any) -> Verdict:
    if row is None:
        return Verdict(success=False, error="Great Expectations gave no result for this expectation")
    message = _raised(row.exception_info)
    return Verdict(success=False, error=message) if message else Verdict(success=bool(row.success))


def _raised(info: Mapping[str, Any] | None) -> str:
    """Message of an exception_info, which is one record or one per metric; empty when nothing was raised."""
    if not info:
        return ""
    records = (
        [info]
        if "raised_exception" in info
        else [item for item in info.values() if isinstance(item, Mapping)]
    )
    for record in records:
        if record.get("raised_exception"):
            return one_line(record.get("exception_message") or "an exception without message")
    return ""


def one_line(error: object) -> str:
    """An exception's text on one line, without SQLAlchemy's pointer to a website, at most 600 characters."""
    text = str(error) or type(error).__name__
    return " ".join(text.partition("(Background on this error")[0].split())[:600]


@contextmanager
def _quiet() -> Iterator[None]:
    """GX warns about the schema argument, which is the only way to name a schema per table."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
