"""How the command line shows things: tables, CSV, JSON, errors. Money is exact text everywhere.

Belongs here: rendering. Does not: deciding what to show (cli, cli_summary).
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    import pyarrow as pa

    from finance_sync.cli_doctor import Finding
    from finance_sync.landing import LandingResult
    from finance_sync.warehouse.build import BuildResult

OutputFormat = Literal["table", "csv", "json"]


def console(*, stderr: bool = False) -> Console:
    """A console that never cuts a row when it writes into a pipe or file."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else 10_000, highlight=False, soft_wrap=False)


def text(value: Any) -> str:
    """A value as exact text: decimals with all their digits and no exponent, dates ISO 8601, NULL empty."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return str(value)


def render(table: pa.Table, output: OutputFormat) -> Iterator[str]:
    """An Arrow table as text, in pieces that end with a line feed.

    Args:
        table: any Arrow table.
        output: ``table`` for people, ``csv`` (RFC 4180, header), ``json`` (a list of objects, decimals as
            strings; columns of one name are told apart: ``n``, ``n_2``).
    """
    names = table.column_names
    if output == "table":
        yield _grid(names, table)
        yield f"{table.num_rows:,} {'row' if table.num_rows == 1 else 'rows'}\n"
    elif output == "csv":
        yield _csv_line(names)
        for row in _rows(table):
            yield _csv_line([text(value) for value in row])
    else:
        yield "["
        separator = "\n  "
        keys = _distinct(names)
        for row in _rows(table):
            pairs = {name: _json_value(value) for name, value in zip(keys, row, strict=True)}
            yield separator + json.dumps(pairs, ensure_ascii=False)
            separator = ",\n  "
        yield "\n]\n"


def grid(headers: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[str] = ()) -> Table:
    """A plain grid for a terminal; columns named in ``right`` are set flush right."""
    flush = set(right)
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for header in headers:
        table.add_column(header, justify="right" if header in flush else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def findings_table(findings: Iterable[Finding]) -> Table:
    """What `doctor` found, one line each, with the remedy below where there is one."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in ("", "area", "subject", "found"):
        table.add_column(header, overflow="fold")
    for finding in findings:
        style = {"ok": "green", "warn": "yellow", "fail": "bold red"}[finding.status]
        found = Text(finding.detail)
        if finding.remedy:
            found.append(f"\n-> {finding.remedy}", style=style)
        table.add_row(Text(finding.status, style=style), finding.area, Text(finding.subject), found)
    return table


def landed_table(results: Iterable[LandingResult]) -> Table:
    """What became of each object, one line each."""
    numbers = ("source says", "seen", "accepted", "rejected", "unchanged", "deleted")
    rows = (
        (
            result.system,
            result.object,
            result.status,
            result.batch.batch_id if result.batch else "",
            *_counts(result),
        )
        for result in results
    )
    return grid(("system", "object", "state", "batch", *numbers), rows, right=numbers)


def _counts(result: LandingResult) -> tuple[str, ...]:
    """Figures of the batch, or of the contact when it brought none; what is not stated is blank."""
    batch, check = result.batch, result.check
    counts: tuple[int | None, ...] = (None,) * 6
    if batch is not None:
        counts = (
            batch.rows_source,
            batch.rows_seen,
            batch.rows_accepted,
            batch.rows_rejected,
            batch.rows_unchanged,
            batch.rows_deleted,
        )
    elif check is not None:
        counts = (check.rows_source, check.rows_seen, None, None, check.rows_unchanged, None)
    return tuple("" if count is None else f"{count:,}" for count in counts)


def built_table(result: BuildResult) -> Table:
    """What dbt did, one line per kind of node and status, and why a layer was built from nothing."""
    counts = Counter((node.resource_type, node.status) for node in result.models)
    rows = [(kind, status, f"{count:,}") for (kind, status), count in sorted(counts.items())]
    rows += [(layer, "built from nothing", why) for layer, why in result.full_refresh.items()]
    return grid(("what", "result", "how many / why"), rows)


def _grid(names: list[str], table: pa.Table) -> str:
    numbers = [name for name, kind in zip(names, table.schema.types, strict=True) if _is_number(kind)]
    body = grid(names, ([text(value) for value in row] for row in _rows(table)), right=numbers)
    target = console()
    with target.capture() as captured:
        target.print(body)
    return captured.get()


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_floating(kind))


def _distinct(names: Sequence[str]) -> list[str]:
    """Names without repetition: a later one of a name gets the first number that no column bears."""
    taken = set(names)
    found: list[str] = []
    for name in names:
        unique, number = name, 1
        while unique in found or (number > 1 and unique in taken):
            number += 1
            unique = f"{name}_{number}"
        found.append(unique)
    return found


def _rows(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    for batch in table.to_batches(max_chunksize=10_000):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _csv_line(values: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(values)
    return line.getvalue()


def _json_value(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int)) else text(value)
