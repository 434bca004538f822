"""The content of published relations, slice by slice: its fingerprints and its Parquet files.

A large relation is published in slices, one a fiscal period, so that a night writes the periods that moved and keeps the files of
the others. Whether one moved is seen from its rows, not from what was built.

Belongs here: fingerprints, writing slices. Does not: which version readers see (publish).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pyarrow.parquet as pq

from finance_sync.errors import WarehouseError
from finance_sync.warehouse.engine import DuckDBWarehouse, Warehouse, quoted

# relation -> slice -> fingerprint; a relation without slices has the one slice WHOLE
Contents = dict[str, dict[str, str]]
WHOLE = ""


@dataclass(frozen=True)
class Relation:
    """One relation to publish.

    Attributes:
        schema: schema in the warehouse.
        name: table name there and in the publication.
        sort: columns that order it totally, so that equal content gives equal bytes.
        slice: column, never NULL, by which its files are cut; None is one file.
    """

    schema: str
    name: str
    sort: tuple[str, ...]
    slice: str | None = None

    @property
    def table(self) -> str:
        """Its quoted name in the warehouse."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    def file(self, folder: Path, value: str) -> Path:
        """Where a slice is published in a version's folder of marts."""
        if self.slice is None:
            return folder / f"{self.name}.parquet"
        return folder / self.name / f"{quote(value, safe=' ') or 'none'}.parquet"


def contents(warehouse: Warehouse, relations: Iterable[Relation]) -> Contents:
    """Fingerprints of what the relations hold now.

    Two contents with the same fingerprint are taken for the same: rows counted, their 64-bit hashes added and xored.

    Raises:
        WarehouseError: a relation is missing, or a row has no value in the column of its slices.
    """
    return {item.name: _fingerprints(warehouse, item) for item in relations}


def write(
    warehouse: Warehouse,
    relations: Iterable[Relation],
    found: Contents,
    folder: Path,
    *,
    standing: Path | None,
    known: Contents,
    threads: int,
) -> Contents:
    """Write every slice to a new version's folder; files of slices that did not move are linked from the one that stands.

    Args:
        warehouse: where the relations are.
        relations: what is published.
        found: their fingerprints now.
        folder: the new version's folder of marts.
        standing: the standing version's, None writes everything.
        known: fingerprints of the standing version.
        threads: how many slices are written at a time.

    Returns:
        The slices that were written, with their fingerprints.
    """
    jobs: list[Callable[[], None]] = []
    written: Contents = {}
    for item in relations:
        for value, fingerprint in found[item.name].items():
            path = item.file(folder, value)
            path.parent.mkdir(exist_ok=True)
            old = None if standing is None else item.file(standing, value)
            if old is not None and known.get(item.name, {}).get(value) == fingerprint and old.exists():
                _link(old, path)
                continue
            written.setdefault(item.name, {})[value] = fingerprint
            jobs.append(_Job(warehouse, item, value, path))
    if isinstance(warehouse, DuckDBWarehouse) and threads > 1 and len(jobs) > 1:
        with ThreadPoolExecutor(max_workers=threads, thread_name_prefix="publish") as pool:
            list(pool.map(lambda job: job(), jobs))
    else:
        for job in jobs:
            job()
    return written


def published_files(folder: Path) -> dict[str, list[Path]]:
    """Relation -> its Parquet files in a version's folder of marts, in order."""
    found = {}
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            found[path.name] = sorted(path.glob("*.parquet"))
        elif path.suffix == ".parquet":
            found[path.stem] = [path]
    return found


def row_counts(folder: Path) -> dict[str, int]:
    """Relation -> its rows, by the files' own metadata."""
    return {
        name: sum(int(pq.ParquetFile(path).metadata.num_rows) for path in paths)
        for name, paths in published_files(folder).items()
    }


@dataclass(frozen=True)
class _Job:
    """One slice to write."""

    warehouse: Warehouse
    item: Relation
    value: str
    path: Path

    def __call__(self) -> None:
        order = ", ".join(f"{quoted(column)} nulls first" for column in self.item.sort)
        where = "" if self.item.slice is None else f" where {quoted(self.item.slice)} = {literal(self.value)}"
        select = f"select * from {self.item.table}{where} order by {order}"
        if isinstance(self.warehouse, DuckDBWarehouse):
            target = str(self.path).replace("'", "''")
            self.warehouse.run(
                f"copy ({select}) to '{target}' (format parquet, compression zstd, preserve_order true)"
            )
        else:
            pq.write_table(self.warehouse.query(select), self.path, compression="zstd")


def literal(value: str) -> str:
    """A text as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def _fingerprints(warehouse: Warehouse, item: Relation) -> dict[str, str]:
    value = "''" if item.slice is None else f"cast(content.{quoted(item.slice)} as varchar)"
    if isinstance(warehouse, DuckDBWarehouse):
        total, mixed = "sum(cast(hash(content) as hugeint))", "bit_xor(hash(content))"
    else:
        total, mixed = (
            "sum(hashtextextended(cast(content as text), 0))",
            "bit_xor(hashtextextended(cast(content as text), 1))",
        )
    rows = warehouse.query(
        f"select {value} as slice, count(*) as n, cast({total} as varchar) as total, cast({mixed} as varchar) as mixed "
        f"from {item.table} as content group by 1 order by 1"
    ).to_pylist()
    found = {row["slice"]: f"{row['n']} {row['total']} {row['mixed']}" for row in rows}
    if None in found:
        raise WarehouseError(
            f"{item.name}: rows without {item.slice}, by which it is published",
            remedy="give the column a member for what is unknown",
        )
    # an empty relation is published too: its columns are known to those who ask for it
    return found or {WHOLE: "0"}


def _link(old: Path, new: Path) -> None:
    """The same bytes in the new version; a file system without links gets a copy."""
    try:
        os.link(old, new)
    except OSError:
        shutil.copy2(old, new)
