"""The answer key of the demo: which exceptions a run must publish on a day, and the comparison both ways.

Belongs here: writing, reading and comparing the key. Does not: planting (plants), reading what was published: the caller
hands it in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from finance_sync.errors import DeploymentError
from finance_sync.settings import Settings

FILE: Final = "answer_key.parquet"
IDENTITY: Final = ("control_id", "legal_entity_id", "business_key", "aspect")
"""What makes two exceptions the same one (SPEC 8)."""
COMPARED: Final = ("fiscal_period_id", "status", "reason_code", "difference_amount")
SCHEMA: Final = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in (*IDENTITY, *COMPARED[:-1])),
        pa.field("difference_amount", pa.decimal128(18, 4)),
        pa.field("note", pa.string()), pa.field("visible_from", pa.date32()), pa.field("visible_to", pa.date32()),
    ]
)  # fmt: skip
_SHOWN: Final = 20


def write_answers(folder: Path, answers: Sequence[Mapping[str, Any]], today: date) -> int:
    """Write the whole key, also of problems that are still to come; returns how many hold today."""
    table = pa.Table.from_pylist([dict(answer) for answer in answers], schema=SCHEMA)
    pq.write_table(table, folder / FILE)
    return sum(_holds(answer, today) for answer in answers)


def _holds(answer: Mapping[str, Any], today: date) -> bool:
    until = answer["visible_to"]
    return bool(answer["visible_from"] <= today and (until is None or today <= until))


def answer_key(settings: Settings, today: date) -> list[dict[str, Any]]:
    """The rows of the key that hold on a day.

    Raises:
        DeploymentError: no demo company has been founded.
    """
    path = settings.home / "sandbox" / FILE
    if not path.is_file():
        raise DeploymentError(f"no answer key {path}", remedy="run `finance-sync sandbox create`")
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return [row for row in rows if _holds(row, today)]


@dataclass(frozen=True)
class Verification:
    """What was found against what was planted.

    Args:
        today: business date of the comparison.
        planted: how many problems are to be found.
        missing: planted and not found.
        unexpected: found and not planted.
        different: found, with another period, status, reason or amount.
        by_control: control -> planted, found.
    """

    today: date
    planted: int
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    different: tuple[str, ...]
    by_control: Mapping[str, tuple[int, int]]

    @property
    def holds(self) -> bool:
        """Found and planted are the same."""
        return not (self.missing or self.unexpected or self.different)

    @property
    def text(self) -> str:
        """The outcome for people."""
        lines = [f"answer key of {self.today.isoformat()}: {self.planted} planted problems"]
        for control, (planted, found) in sorted(self.by_control.items()):
            lines.append(f"  {control}  planted {planted:4}  found {found:4}")
        for title, rows in (
            ("not found", self.missing),
            ("not planted", self.unexpected),
            ("different", self.different),
        ):
            if rows:
                lines.append(f"{title}: {len(rows)}")
                lines += [f"  {row}" for row in rows[:_SHOWN]]
                lines += ["  ..."] if len(rows) > _SHOWN else []
        lines.append("found = planted, both ways" if self.holds else "found and planted differ")
        return "\n".join(lines)


def verify(settings: Settings, read: Callable[[str], pa.Table]) -> Verification:
    """Compare the published exceptions with the answer key, both ways and to the last decimal.

    Args:
        settings: the data home.
        read: runs a SELECT on the published marts and returns an Arrow table.

    Raises:
        DeploymentError: no demo company has been founded.
    """
    today = date.fromisoformat(_clock(settings))
    columns = ", ".join((*IDENTITY, *COMPARED))
    found = read(f"select {columns} from mart_exceptions").to_pylist()
    return compare(answer_key(settings, today), found, today)


def _clock(settings: Settings) -> str:
    path = settings.home / "sandbox" / "today.txt"
    if not path.is_file():
        raise DeploymentError(
            f"no demo company: {path} is missing", remedy="run `finance-sync sandbox create`"
        )
    return path.read_text().strip()


def compare(
    planted: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]], today: date
) -> Verification:
    """Compare two lists of exceptions by identity, then by what they say.

    Args:
        planted: rows of the answer key.
        found: rows of mart_exceptions, with the columns IDENTITY and COMPARED.
        today: the business date.
    """
    left, right = _by_identity(planted), _by_identity(found)
    doubled = [right[key] for key, count in Counter(map(_identity, found)).items() if count > 1]
    missing = [_shown(left[key]) for key in sorted(left.keys() - right.keys())]
    unexpected = [_shown(right[key]) for key in sorted(right.keys() - left.keys())]
    unexpected += [f"twice: {_shown(row)}" for row in doubled]
    different = []
    for key in sorted(left.keys() & right.keys()):
        wrong = [
            f"{name} planted {left[key][name]} found {right[key][name]}"
            for name in COMPARED
            if _plain(left[key][name]) != _plain(right[key][name])
        ]
        if wrong:
            different.append(f"{_shown(left[key])}: {'; '.join(wrong)}")
    names = {row["control_id"] for row in (*planted, *found)}
    counts = {
        name: (
            sum(row["control_id"] == name for row in planted),
            sum(row["control_id"] == name for row in found),
        )
        for name in names
    }
    return Verification(today, len(planted), tuple(missing), tuple(unexpected), tuple(different), counts)


def _by_identity(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, ...], Mapping[str, Any]]:
    result: dict[tuple[str, ...], Mapping[str, Any]] = {}
    for row in rows:
        result.setdefault(_identity(row), row)
    return result


def _identity(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in IDENTITY)


def _plain(value: Any) -> Any:
    return None if value is None else Decimal(value) if isinstance(value, (Decimal, int)) else value


def _shown(row: Mapping[str, Any]) -> str:
    names = ("control_id", "reason_code", "legal_entity_id", "fiscal_period_id", "business_key", "aspect")
    parts = [str(row[name]) for name in names]
    amount = "" if row["difference_amount"] is None else f" {row['difference_amount']}"
    note = f" ({row['note']})" if row.get("note") else ""
    return " ".join(parts) + amount + note
