"""Planning's exports on a day: CSV files with a control file that says what they hold, and the faults planted in it.

Belongs here: budget lines to files and their control totals. Does not: drawing budgets (budgets).
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from finance_sync.sandbox import world as w
from finance_sync.sandbox.budgets import ORIGINAL, VERSIONS
from finance_sync.sandbox.casebook import Casebook
from finance_sync.sandbox.procurement import Spoils
from finance_sync.sandbox.text import amounts, codes, numbers, spoiled

VERSIONS_FILE: Final = "budget_versions.csv"
ORIGINAL_FILES: Final = ("budget_original_2025.csv", "budget_original_2026.csv")
CHANGES_FILE: Final = "budget_changes.csv"
TOTALS_FILE: Final = "budget_totals.csv"
CONTROL_FILE: Final = "control.csv"
_STORAGE_DIGITS: Final = 4
_CUT_UNTIL: Final = w.day("2026-05-17")
"""Last day on which the export of the changes is cut off."""
_MISSING_ROWS: Final = 2
_MISSING_AMOUNT: Final = Decimal("1250.00")
_SLIP: Final = Decimal("0.10")


def plant_control_file(book: Casebook) -> None:
    """C01 through planning's control file: rows and sums that the files do not hold."""
    first = w.FIRST_DAY
    changes, original = "planning|budget_changes", "planning|budget_original"
    note = "one version was not exported"
    book.answer("C01", "rows_differ", None, None, "planning|budget_versions", "rows", None, first, note=note)
    note = "the export is two lines short"
    book.answer("C01", "rows_differ", None, None, changes, "rows", None, first, _CUT_UNTIL, note)
    book.answer(
        "C01", "total_differs", None, None, changes, "total:amount", _MISSING_AMOUNT, first, _CUT_UNTIL, note
    )
    note = "ten cents in the control sum"
    book.answer("C01", "total_differs", None, None, original, "total:amount", _SLIP, first, note=note)


def write(
    folder: Path, lines: pl.DataFrame, totals: pl.DataFrame, today: int, spoils: Spoils, *, faulty: bool
) -> None:
    """Write the exports of a day, each file whole.

    Args:
        folder: planning's export folder; it is created.
        lines: budget lines of all versions.
        totals: what planning totals as approved (``checkpoints.approved_totals``).
        today: the day.
        spoils: planted texts.
        faulty: whether the control file states what the files do not hold.
    """
    folder.mkdir(parents=True, exist_ok=True)
    table = _table(lines, today)
    versions = pl.DataFrame(
        {
            "version": [v.code for v in VERSIONS], "kind": [v.kind for v in VERSIONS],
            "status": [v.status(today) for v in VERSIONS],
        }
    )  # fmt: skip
    _replace(folder / VERSIONS_FILE, versions.write_csv())
    control = [{"file": VERSIONS_FILE, "rows": versions.height + faulty, "amount": ""}]
    is_original = table["version_index"] <= ORIGINAL + 1
    for year, name in enumerate(ORIGINAL_FILES):
        part = table.filter(is_original & (table["version_index"] == ORIGINAL + year))
        _replace(folder / name, part.drop("version_index", "storage").write_csv())
        total = _total(part) + (_SLIP if year and faulty else 0)
        control.append({"file": name, "rows": part.height, "amount": str(total)})
    changes = table.filter(~is_original)
    texts = changes.drop("version_index", "storage").with_columns(
        pl.col("amount").str.replace(".", ",", literal=True)
    )
    texts = spoiled(texts, ("line_id",), spoils.get("budget_changes", {}))
    _replace(folder / CHANGES_FILE, texts.write_csv(separator=";"))
    spoiled_ids = [key for key, fields in spoils.get("budget_changes", {}).items() if "amount" in fields]
    total = _total(changes.filter(~pl.col("line_id").is_in(spoiled_ids))) + _readable(spoils)
    cut = faulty and today <= _CUT_UNTIL
    control.append(
        {
            "file": CHANGES_FILE, "rows": changes.height + (_MISSING_ROWS if cut else 0),
            "amount": str(total + (_MISSING_AMOUNT if cut else 0)),
        }
    )  # fmt: skip
    _replace(folder / TOTALS_FILE, totals.drop("storage").write_csv())
    control.append({"file": TOTALS_FILE, "rows": totals.height, "amount": str(_total(totals))})
    _replace(folder / CONTROL_FILE, pl.DataFrame(control).write_csv())


def _table(lines: pl.DataFrame, today: int) -> pl.DataFrame:
    version = lines["version"]
    cur = pl.Series(w.FUNCTIONAL[lines["ent"].to_numpy()])
    period = lines.select(pl.when(pl.col("period") > 0).then(pl.col("period"))).to_series()
    return pl.DataFrame(
        {
            "line_id": _line_ids(lines), "version": codes(version, tuple(v.code for v in VERSIONS)),
            "version_kind": codes(version, tuple(v.kind for v in VERSIONS)),
            "version_status": codes(version, tuple(v.status(today) for v in VERSIONS)),
            "approved_on": codes(version, tuple(v.approved_on(today) for v in VERSIONS)),
            "entity": codes(lines["ent"], tuple(e.code for e in w.ENTITIES)),
            "cost_center": codes(lines["cc"], w.COST_CENTER_CODES),
            "account": codes(lines["acct"], w.ACCOUNT_CODES), "project": codes(lines["proj"], w.PROJECT_CODES),
            "location": codes(pl.Series(w.location_of(lines["cc"].to_numpy())), w.LOCATION_CODES),
            "program": codes(lines["prog"], w.PROGRAM_CODES), "fiscal_year": lines["year"], "period_no": period,
            "currency": codes(cur, w.CURRENCIES), "amount": amounts(lines["amount"], cur),
            "version_index": version, "storage": in_storage(lines["amount"], cur),
        }
    )  # fmt: skip


def in_storage(minor: pl.Series, currencies: pl.Series) -> pl.Series:
    """Amounts in ten-thousandths of their currencies, for control totals over several of them."""
    return minor * pl.Series(10 ** (_STORAGE_DIGITS - w.MINOR[currencies.to_numpy()]))


def _line_ids(lines: pl.DataFrame) -> pl.Series:
    """Text of casebook.budget_line_id, for all lines at once."""
    parts = pl.DataFrame(
        {
            "version": lines["version"].cast(pl.String), "cell": numbers(lines["cell"], "", 6),
            "year": lines["year"].cast(pl.String), "period": numbers(pl.Series(np.maximum(lines["period"].to_numpy(), 0)), "", 2),
        }
    )  # fmt: skip
    return parts.select(pl.concat_str(pl.all(), separator="-")).to_series()


def _total(lines: pl.DataFrame) -> Decimal:
    return Decimal(int(lines["storage"].sum())).scaleb(-_STORAGE_DIGITS)


def _readable(spoils: Spoils) -> Decimal:
    """Sum of the planted amounts that are numbers, if not valid ones."""
    texts = (fields["amount"] for fields in spoils.get("budget_changes", {}).values() if "amount" in fields)
    return sum(
        (Decimal(text.replace(",", ".")) for text in texts if text.replace(",", "").isdigit()), Decimal(0)
    )


def _replace(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all; an unchanged file is left alone."""
    data = text.encode()
    if path.exists() and path.read_bytes() == data:
        return
    aside = path.with_suffix(".part")
    aside.write_bytes(data)
    aside.replace(path)
