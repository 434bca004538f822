"""Which column of the source each declared field is.

Belongs here: matching of names. Does not: matching of types (landing.contract).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from finance_sync.catalog.models import FileRead, SourceObject
from finance_sync.errors import SourceError


def column_of(spec: SourceObject, field: str, columns: Sequence[str], where: str) -> str:
    """Name of the source's column that a field is read from.

    An exact name wins; else one that differs only by blanks around it, else one that differs only by case. In a file without
    header the field's `position` counts, else its place among the fields.

    Raises:
        SourceError: there is no such column, or several could be meant; names it and the columns found.
    """
    declared = spec.fields[field]
    if isinstance(spec.read, FileRead) and spec.read.format == "fixed":
        if declared.start is None or declared.width is None:
            raise SourceError(
                f"{where}: field {field!r} has no `start` and `width`",
                remedy="give both; the file is of fixed width",
            )
        return field
    if isinstance(spec.read, FileRead) and spec.read.format != "parquet" and not spec.read.has_header:
        position = declared.position or list(spec.fields).index(field) + 1
        if position > len(columns):
            raise SourceError(
                f"{where}: column {position} (field {field!r}) is missing: the file has {len(columns)} columns",
                remedy="check `delimiter` and `position`, or have the column delivered",
            )
        return columns[position - 1]
    wanted = declared.header or field
    if wanted in columns:
        return wanted
    for fold in (str.strip, lambda name: name.strip().casefold()):
        same = [name for name in columns if fold(name) == fold(wanted)]
        if len(same) == 1:
            return same[0]
    raise SourceError(
        f"{where}: column {wanted!r} (field {field!r}) is missing; found: {shown(columns)}",
        remedy=_nearest(wanted, columns) or "have the column delivered again, or correct the contract",
    )


def shown(names: Iterable[str], limit: int = 30) -> str:
    """A bounded list of names, for messages."""
    every = list(names)
    return ", ".join(every[:limit]) + (f", ... ({len(every)} in all)" if len(every) > limit else "")


def _nearest(wanted: str, columns: Sequence[str]) -> str:
    near = difflib.get_close_matches(
        wanted.strip().casefold(), [name.strip().casefold() for name in columns], n=1, cutoff=0.7
    )
    match = next((name for name in columns if near and name.strip().casefold() == near[0]), None)
    return (
        f"did the source rename it to {match!r}? Then set the field's `header`" if match is not None else ""
    )
