"""The inbox: workbooks that people have put down are taken in and put away with what became of them.

``inbox/<person>/file.xlsx`` is read as that person, ``inbox/file.xlsx`` as the actor of the settings. Whoever may write to a
person's folder acts for that person: give folders their rights.

Belongs here: which files, in which order, where they go; the report as text. Does not: what a file changes (take_in).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from finance_sync.errors import OperationsError
from finance_sync.exceptions.history import Act
from finance_sync.exceptions.workbook.take_in import OUTCOMES, TakenIn, take_in
from finance_sync.operations import Operations

DONE, FAILED = "done", "failed"
SETTLED_SECONDS = 5.0  # a file that changed since may still be copied


@dataclass(frozen=True)
class Waiting:
    """A file in the inbox.

    Attributes:
        path: of the file.
        actor: whose folder it lies in; empty at the top.
    """

    path: Path
    actor: str


@dataclass(frozen=True)
class PutAway:
    """What became of a file.

    Attributes:
        name: of the file.
        actor: who acted.
        path: where it lies now; ``report`` beside it.
        report: the text file.
        taken: row by row; None when it could not be read.
        error: why then.
    """

    name: str
    actor: str
    path: Path
    report: Path
    taken: TakenIn | None
    error: str = ""

    @property
    def good(self) -> bool:
        """Read, and no row is left for somebody to look at."""
        return self.taken is not None and self.taken.left.is_empty()

    @property
    def summary(self) -> str:
        """Rows by outcome, or why it could not be read."""
        if self.taken is None:
            return f"nothing was taken in: {self.error}"
        return ", ".join(f"{count:,} {name}" for name, count in self.taken.counts.items()) or "no rows"


def waiting(inbox: Path, *, settled: float = SETTLED_SECONDS) -> list[Waiting]:
    """Files to take in, oldest first; none that hides, is a link, or changed within so many seconds."""
    found: list[tuple[float, Waiting]] = []
    folders = [(inbox, "")]
    if inbox.is_dir():
        folders += [
            (folder, folder.name)
            for folder in inbox.iterdir()
            if folder.is_dir()
            and not folder.is_symlink()
            and folder.name not in {DONE, FAILED}
            and _visible(folder)
        ]
    latest = time.time() - settled
    for folder, actor in folders:
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.is_symlink() or not path.is_file() or not _visible(path):
                continue
            changed = path.stat().st_mtime
            if changed <= latest:
                found.append((changed, Waiting(path, actor)))
    return [one for _, one in sorted(found, key=lambda item: (item[0], str(item[1].path)))]


def _visible(path: Path) -> bool:
    return not path.name.startswith((".", "~$"))  # ~$ is an office program's mark that a file is open


def empty_inbox(
    operations: Operations,
    inbox: Path,
    act: Act,
    today: Mapping[str, date],
    *,
    all_or_nothing: bool = False,
    settled: float = SETTLED_SECONDS,
) -> list[PutAway]:
    """Take every waiting file in and move it to ``done`` or ``failed`` with its report.

    A process that is killed in between leaves the file where it was: taken in again, it changes nothing.

    Args:
        operations: the database.
        inbox: the folder.
        act: when, and who acts in files at the top.
        today: which day it is by entity; key "" for others.
        all_or_nothing: apply nothing of a file of which a row cannot be applied.
        settled: seconds that a file must have stood still.
    """
    return [
        _one(operations, inbox, one, replace(act, actor=one.actor or act.actor), today, all_or_nothing)
        for one in waiting(inbox, settled=settled)
    ]


def _one(
    operations: Operations,
    inbox: Path,
    one: Waiting,
    act: Act,
    today: Mapping[str, date],
    all_or_nothing: bool,  # noqa: FBT001
) -> PutAway:
    taken, error = None, ""
    try:
        taken = take_in(operations, one.path, act, today, all_or_nothing=all_or_nothing)
        text = report_text(taken, act.actor)
    except OperationsError as wrong:
        error = str(wrong)
        text = f"{one.path.name}: nothing was taken in\n{error}\n"
    good = taken is not None and taken.left.is_empty()
    folder = inbox / (DONE if good else FAILED)
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{act.at:%Y%m%dT%H%M%S%f}-{act.actor}-{one.path.name}".replace("/", "_")
    report = folder / f"{stem}.report.txt"
    report.write_text(text, encoding="utf-8")
    moved = folder / stem
    one.path.replace(moved)
    return PutAway(one.path.name, act.actor, moved, report, taken, error)


def report_text(taken: TakenIn, actor: str) -> str:
    """What became of every row, as text: counts first, then the rows somebody must look at, then the others."""
    origin = taken.origin
    lines = [
        f"{taken.file}: queue {origin.owner}, exported for {origin.day}, taken in by {actor}",
        *(f"{count:8,} {name:13} {OUTCOMES[name]}" for name, count in taken.counts.items()),
    ]
    left = taken.left
    rest = taken.rows.join(
        left.select("exception_id", "row"), on=["exception_id", "row"], how="anti", nulls_equal=True
    )
    for title, rows in (("Left alone", left), ("The others", rest)):
        if rows.height:
            lines += ["", title]
            lines += [row_text(row) for row in rows.iter_rows()]
    return "\n".join(lines) + "\n"


def row_text(row: tuple[int | None, str | None, str | None, str | None, str, str]) -> str:
    """One row of TakenIn.rows as a line."""
    number, exception_id, control, key, outcome, message = row
    where = f"row {number}" if number is not None else "no row"
    what = " ".join(part for part in ((exception_id or "")[:8], control, key) if part).replace("\n", " ")
    return f"  {where:10} {outcome:12} {what}: {message}".replace("\n", " ")
