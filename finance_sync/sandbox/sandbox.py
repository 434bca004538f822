"""Founding the demo company and letting its days pass.

Belongs here: the life cycle of the sandbox's files below ``{home}/sandbox``. Does not: what is in them (sources,
planning), comparing what was found (answers).

The state on a day is a function of seed, scale and day alone: a company founded on one day and brought forward equals one
founded on the later day.
"""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from finance_sync.errors import DeploymentError
from finance_sync.sandbox import checkpoints, planning, store
from finance_sync.sandbox import world as w
from finance_sync.sandbox.answers import write_answers
from finance_sync.sandbox.company import Company, peaks
from finance_sync.sandbox.ledger import balance_sums
from finance_sync.sandbox.sources import (
    balance_table,
    budget_table,
    deleted_requisitions,
    document_tables,
    master_tables,
)
from finance_sync.settings import Settings

SYSTEMS: Final = ("procurement", "ledger")
EARLIEST: Final = date(2025, 7, 1)
"""Before this day the plan's adjustments are not yet all approved and the demo's problems hardly begun."""


@dataclass(frozen=True)
class Sandbox:
    """The demo company as it stands.

    Args:
        folder: its files.
        seed: of its random numbers.
        scale: its size.
        today: its business date.
        rows: rows written by the last step.
        problems: planted problems that are to be found today.
    """

    folder: Path
    seed: int
    scale: float
    today: date
    rows: int
    problems: int

    def __str__(self) -> str:
        return (
            f"demo company: seed {self.seed}, scale {self.scale:g}, business date {self.today.isoformat()}, "
            f"{self.rows:,} rows written, {self.problems} planted problems to find ({self.folder})"
        )


def folder_of(settings: Settings) -> Path:
    """Folder of the sandbox in the data home."""
    return settings.home / "sandbox"


def exists(settings: Settings) -> bool:
    """Whether a demo company has been founded in this data home."""
    return (folder_of(settings) / "today.txt").is_file()


def create(
    settings: Settings, *, seed: int = 7, scale: float = 1.0, today: date | None = None, planted: bool = True
) -> Sandbox:
    """Found the company: write its source systems, the answer key and the clock, in place of those that are there.

    Args:
        settings: the data home.
        seed: the same seed makes the same company.
        scale: size; 1 has some 25 thousand journal lines by May 2026.
        today: business date, default 2026-05-15.
        planted: False leaves the problems out: no control finds anything.

    Raises:
        DeploymentError: the date lies outside the company's calendars.
    """
    folder = folder_of(settings)
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    start = w.to_date(w.START_DAY) if today is None else today
    (folder / "state.json").write_text(json.dumps({"seed": seed, "scale": scale, "planted": planted}))
    return _write(folder, Company(seed, scale, planted=planted), None, _day_number(start))


def advance(settings: Settings, *, days: int = 1) -> Sandbox:
    """Let business days pass: new documents, changed ones, deleted drafts, master data, a new answer key, the clock.

    Args:
        settings: the data home.
        days: how many.

    Raises:
        DeploymentError: there is no demo company, or its calendars end.
    """
    folder = folder_of(settings)
    if not exists(settings):
        raise DeploymentError(f"no demo company in {folder}", remedy="run `finance-sync sandbox create`")
    state = json.loads((folder / "state.json").read_text())
    since = w.day((folder / "today.txt").read_text().strip())
    company = Company(int(state["seed"]), float(state["scale"]), planted=bool(state["planted"]))
    return _write(folder, company, since, _day_number(w.to_date(since + days)))


def _day_number(today: date) -> int:
    if not EARLIEST <= today <= w.to_date(w.LAST_DAY):
        last = w.to_date(w.LAST_DAY)
        raise DeploymentError(
            f"the demo company has no {today.isoformat()}: its days go from {EARLIEST.isoformat()} to {last.isoformat()}",
            remedy="found it anew with `finance-sync sandbox create`",
        )
    return w.day(today.isoformat())


def _write(folder: Path, company: Company, since: int | None, today: int) -> Sandbox:
    """Write the state of a day; the clock comes last, so that an interrupted step is done again."""
    rows = 0
    all_peaks, sums = [], []
    with ExitStack() as stack:
        open_databases = {
            name: stack.enter_context(store.database(folder / f"{name}.sqlite")) for name in SYSTEMS
        }
        for shard in company.shards():
            for table in document_tables(company, shard, today):
                store.create(open_databases[table.system], table)
                rows += store.upsert(open_databases[table.system], table, since)
            if since is not None:
                gone = deleted_requisitions(shard, since, today)
                store.delete(open_databases["procurement"], "requisitions", "requisition", gone)
            all_peaks.append(peaks(shard))
            sums.append(balance_sums(shard.journals, today))
        plan = company.plan(all_peaks)
        beside = (balance_table(company, sums, today), budget_table(company, plan, today))
        for table in (*master_tables(company, today), *beside):
            store.create(open_databases[table.system], table)
            rows += store.upsert(open_databases[table.system], table, since)
    totals = checkpoints.approved_totals(plan, company.book.budget_statements, today)
    planning.write(folder / "planning", plan, totals, today, company.book.raw, faulty=company.planted)
    problems = write_answers(folder, company.book.answers, w.to_date(today))
    _write_clock(folder, today)
    return Sandbox(folder, company.seed, company.scale, w.to_date(today), rows, problems)


def _write_clock(folder: Path, today: int) -> None:
    aside = folder / "today.part"
    aside.write_text(w.to_date(today).isoformat() + "\n")
    aside.replace(folder / "today.txt")
