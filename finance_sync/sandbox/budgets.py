"""The plan: budgets per control cell, set above what will be posted, in versions of every kind.

Belongs here: budget lines and versions. Does not: writing the exports (store), planted overruns (plants).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from finance_sync.sandbox import world as w
from finance_sync.sandbox.text import conform

CELL: Final = ("ent", "period", "cc", "acct", "proj", "prog")
CONTROL_ACCOUNTS: Final[w.Ints] = np.array(
    [w.ACCOUNT[c] for c in ("4000", "6000", "6100", "6200", "6300", "6400", "6500")], dtype=np.int64
)
BUDGET_LINE: Final = {
    "version": pl.Int64, "cell": pl.Int64, "ent": pl.Int64, "cc": pl.Int64, "acct": pl.Int64, "proj": pl.Int64,
    "prog": pl.Int64, "year": pl.Int64, "period": pl.Int64, "amount": pl.Int64,
}  # fmt: skip
"""Budget lines. period: 1..12, -1 for an annual line; amount: minor units of the entity's currency, spending positive."""


@dataclass(frozen=True)
class Version:
    """A budget version and when its status changes.

    Args:
        code: version code.
        kind: original, adjustment, transfer or carry_forward.
        first: status at first.
        approved_day: day of its approval, NEVER for a draft.
        then: status from ``changes_on`` on.
    """

    code: str
    kind: str
    first: str
    approved_day: int
    then: str = ""
    changes_on: int = w.NEVER

    def status(self, today: int) -> str:
        """Status on a day."""
        return self.then if today >= self.changes_on else self.first

    def approved_on(self, today: int) -> str:
        """Day of its approval as planning writes it, empty before."""
        return w.to_date(self.approved_day).isoformat() if self.approved_day <= today else ""


_APPROVED_25, _APPROVED_26, _APPROVED_LATER = w.day("2024-12-10"), w.day("2025-06-20"), w.day("2026-05-20")
VERSIONS: Final = (
    Version("FY25-ORIG", "original", "locked", _APPROVED_25),
    Version("FY26-ORIG", "original", "approved", _APPROVED_26, "locked", w.day("2026-07-01")),
    Version("FY25-ADJ1", "adjustment", "approved", _APPROVED_25),
    Version("FY26-ADJ1", "adjustment", "approved", _APPROVED_26),
    Version("FY25-TRF", "transfer", "approved", _APPROVED_25),
    Version("FY26-TRF", "transfer", "approved", _APPROVED_26),
    Version("FY26-CARRY", "carry_forward", "approved", _APPROVED_26),
    Version("FY26-ADJ2", "adjustment", "submitted", _APPROVED_LATER, "approved", _APPROVED_LATER),
    Version("FY26-FORECAST", "adjustment", "draft", w.NEVER),
)
ORIGINAL, ADJUSTMENT, TRANSFER, CARRY, LATER, DRAFT = 0, 2, 4, 6, 7, 8
"""Index of the 2025 version (that of 2026 follows for the first three), or of the only one."""


def ceilings(journals: pl.DataFrame) -> pl.DataFrame:
    """What will at most have been posted per control cell and period: the sum of all postings that add to it.

    Args:
        journals: journal lines of the whole life of the company.

    Returns:
        CELL columns and ``peak`` in minor units of the functional currency.
    """
    special = [w.special_project(e, n) for e in range(len(w.ENTITIES)) for n in (91, 92)]
    controlled = np.flatnonzero(w.IS_CONTROLLED)
    lines = journals.filter(
        pl.col("acct").is_in(controlled) & ~pl.col("proj").is_in(special) & (pl.col("period") < w.PERIODS)
    )
    acct = lines["acct"].to_numpy()
    sign = np.where(w.IS_REVENUE[acct], -1, 1)
    return (
        lines.with_columns(
            peak=pl.Series(np.maximum(lines["famt"].to_numpy() * sign, 0)),
            acct=pl.Series(w.CONTROL_ACCOUNT[acct]),
            cc=pl.Series(w.CONTROL_COST_CENTER[lines["cc"].to_numpy()]),
        )
        .group_by(CELL, maintain_order=True)
        .agg(pl.col("peak").sum())
    )


def budgets(rng: np.random.Generator, peaks: pl.DataFrame, programs: int) -> pl.DataFrame:
    """Budget lines of all versions; those that count add up to more than the peak of every cell and period.

    Args:
        rng: seeded generator.
        peaks: from ``ceilings``.
        programs: programs per department.
    """
    shape = (
        len(w.ENTITIES),
        len(w.DEPARTMENTS),
        len(CONTROL_ACCOUNTS),
        w.PROJECTS_PER_DEPARTMENT + 1,
        programs,
    )
    cells = int(np.prod(shape))
    ent, department, account, choice, number = (
        w.as_ints(a) for a in np.unravel_index(np.arange(cells), shape)
    )
    total = _totals(rng, peaks, ent, shape)
    unit = 100 * 10 ** w.MINOR[w.FUNCTIONAL[ent]]
    head = w.cost_center(ent, department, w.as_ints(np.zeros(cells))) - 1
    frame = {
        "cell": np.arange(cells), "ent": ent, "cc": head, "acct": CONTROL_ACCOUNTS[account],
        "proj": np.where(choice == 0, -1, w.project(ent, department, choice - 1)),
        "prog": w.program(department, number),
    }  # fmt: skip
    annual = w.chance(rng, cells, 0.08)
    adjust = np.where(w.chance(rng, total.shape, 0.06), total // 5, 0)
    adjust[annual] = 0
    transfer = _transfers(rng, total, ent, annual, unit)
    draft = np.where(w.chance(rng, total.shape, 0.05), -total // 2, 0)
    later = np.where(w.chance(rng, total.shape, 0.01), total // 10, 0)
    draft[:, : w.PERIODS_PER_YEAR] = later[:, : w.PERIODS_PER_YEAR] = 0
    carry = np.zeros_like(total)
    carry[:, w.PERIODS_PER_YEAR] = np.where(
        w.chance(rng, cells, 0.04), unit * rng.integers(1, 20, size=cells), 0
    )
    original = total - adjust - transfer
    monthly = np.where(annual[:, None], 0, original)
    parts = [
        _lines(frame, monthly, ORIGINAL, by_year=True), _lines(frame, adjust, ADJUSTMENT, by_year=True),
        _lines(frame, transfer, TRANSFER, by_year=True), _lines(frame, carry, CARRY), _lines(frame, later, LATER),
        _lines(frame, draft, DRAFT), *_annual_lines(frame, original, annual),
    ]  # fmt: skip
    return pl.concat(parts)


def _totals(rng: np.random.Generator, peaks: pl.DataFrame, ent: w.Ints, shape: tuple[int, ...]) -> w.Ints:
    """Effective budget per cell and period: a tenth above the peak and a little, in whole hundreds."""
    cells = len(ent)
    peak = np.zeros((cells, w.PERIODS), dtype=np.int64)
    entity, proj, prog = (peaks[name].to_numpy() for name in ("ent", "proj", "prog"))
    department = w.department_of(peaks["cc"].to_numpy())
    account = np.searchsorted(CONTROL_ACCOUNTS, peaks["acct"].to_numpy())
    first = w.project(entity, department, w.as_ints(np.zeros(len(entity))))
    choice = np.where(proj < 0, 0, proj - first + 1)
    number = prog - w.program(department, w.as_ints(np.zeros(len(entity))))
    index = np.ravel_multi_index((entity, department, account, choice, number), shape)
    peak[index, peaks["period"].to_numpy()] = peaks["peak"].to_numpy()
    minor = 10 ** w.MINOR[w.FUNCTIONAL[ent]]
    base = rng.integers(5, 40, size=cells) * w.LEVEL[w.FUNCTIONAL[ent]] * minor
    unit = (100 * minor)[:, None]
    return -(-(peak * 11 // 10 + base[:, None]) // unit) * unit


def _transfers(rng: np.random.Generator, total: w.Ints, ent: w.Ints, annual: w.Flags, unit: w.Ints) -> w.Ints:
    """Transfers between neighbouring cells of an entity: what one gives, the other takes."""
    givers = np.arange(0, len(ent) - 1, 2)
    givers = givers[(ent[givers] == ent[givers + 1]) & ~annual[givers] & ~annual[givers + 1]]
    chosen = w.chance(rng, (len(givers), w.PERIODS), 0.03)
    moved = np.where(
        chosen,
        np.minimum(total[givers], total[givers + 1]) // (4 * unit[givers, None]) * unit[givers, None],
        0,
    )
    transfer = np.zeros_like(total)
    transfer[givers] = -moved
    transfer[givers + 1] = moved
    return transfer


def _lines(frame: dict[str, w.Ints], amounts: w.Ints, version: int, *, by_year: bool = False) -> pl.DataFrame:
    """Budget lines of the amounts that are not zero."""
    cell, period = (w.as_ints(a) for a in np.nonzero(amounts))
    year = period // w.PERIODS_PER_YEAR
    columns = {name: values[cell] for name, values in frame.items()}
    lines = {
        "version": version + (year if by_year else 0 * year), **columns, "year": w.FIRST_YEAR + year,
        "period": period % w.PERIODS_PER_YEAR + 1, "amount": amounts[cell, period],
    }  # fmt: skip
    return conform(pl.DataFrame(lines), BUDGET_LINE)


def _annual_lines(frame: dict[str, w.Ints], original: w.Ints, annual: w.Flags) -> list[pl.DataFrame]:
    """One line per cell and year: twelve times the greatest month."""
    parts = []
    for year in range(w.PERIODS // w.PERIODS_PER_YEAR):
        months = original[annual, year * w.PERIODS_PER_YEAR : (year + 1) * w.PERIODS_PER_YEAR]
        columns = {name: values[annual] for name, values in frame.items()}
        lines = {**columns, "amount": 12 * months.max(axis=1), "year": w.FIRST_YEAR + year, "period": -1}
        parts.append(conform(pl.DataFrame({**lines, "version": ORIGINAL + year}), BUDGET_LINE))
    return parts
