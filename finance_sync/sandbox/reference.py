"""The demo deployment's reference tables, as the company's fixed world has them.

Belongs here: entities, calendars, crosswalk, rates, tolerances, policies and control levels as CSV texts, and writing them
(``python -m finance_sync.sandbox.reference``). Does not: the world itself (world). A test compares the files of the demo
deployment with these texts.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from finance_sync.sandbox import world as w
from finance_sync.settings import PROJECT_ROOT

FOLDER: Final = PROJECT_ROOT / "data" / "demo" / "reference"
_FOREVER: Final = "1900-01-01"
_MASTER: Final = "master-data"
_PLAN_RATES: Final = 100
_CLOSED_2026: Final = {1: "certified", 2: "certified", 3: "closing"}


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(["" if value is None else value for value in row] for row in rows)
    return out.getvalue()


def _entities() -> str:
    return _csv(
        ("legal_entity_id", "name", "country_code", "functional_currency", "calendar_id"),
        ((e.code, e.name, e.country, w.CURRENCIES[e.currency], e.calendar) for e in w.ENTITIES),
    )


def _calendars() -> str:
    rows: list[Sequence[object]] = []
    for number, calendar in enumerate(w.CALENDARS):
        starts = w.period_starts(number)
        for period in range(w.PERIODS):
            year, no = w.FIRST_YEAR + period // w.PERIODS_PER_YEAR, period % w.PERIODS_PER_YEAR + 1
            first, last = w.to_date(starts[period]), w.to_date(starts[period + 1] - 1)
            rows.append((calendar, year, no, f"{year}-P{no:02d}", first, last, "normal"))
        if calendar == "MONTH":
            end = w.to_date(starts[w.PERIODS_PER_YEAR] - 1)
            rows.append(
                (
                    calendar,
                    w.FIRST_YEAR,
                    w.PERIODS_PER_YEAR + 1,
                    f"{w.FIRST_YEAR}-P13 closing",
                    end,
                    end,
                    "closing",
                )
            )
    return _csv(
        ("calendar_id", "fiscal_year", "period_no", "period_name", "starts_on", "ends_on", "kind"), rows
    )


def _period_status() -> str:
    rows: list[Sequence[object]] = []
    for entity in w.ENTITIES:
        last = w.PERIODS_PER_YEAR + (entity.calendar == "MONTH")
        audited = ("locked", "fiscal year 2025 is audited", "group-controlling")
        rows += [(entity.code, w.FIRST_YEAR, no, *audited) for no in range(1, last + 1)]
        for no, status in _CLOSED_2026.items():
            rows.append(
                (entity.code, w.FIRST_YEAR + 1, no, status, f"close of period {no}", "general-ledger")
            )
    return _csv(("legal_entity_id", "fiscal_year", "period_no", "status", "reason", "owner"), rows)


def _crosswalk() -> str:
    rows: list[Sequence[object]] = [
        (
            "procurement",
            "legal_entity",
            e.procurement_code,
            e.code,
            _FOREVER,
            None,
            "company codes of the two systems",
            _MASTER,
        )
        for e in w.ENTITIES
    ]
    moves = w.to_date(w.EQUIPMENT_MOVES)
    for code, *_, theirs in w.ACCOUNTS:
        if theirs == "IT-EQUIP":
            before = w.to_date(w.EQUIPMENT_MOVES - 1)
            rows.append(
                (
                    "procurement",
                    "account",
                    theirs,
                    code,
                    _FOREVER,
                    before,
                    "equipment before the new threshold",
                    _MASTER,
                )
            )
            rows.append(
                (
                    "procurement",
                    "account",
                    theirs,
                    "6330",
                    moves,
                    None,
                    "low-value threshold raised from 2026",
                    _MASTER,
                )
            )
        elif theirs:
            rows.append(
                (
                    "procurement",
                    "account",
                    theirs,
                    code,
                    _FOREVER,
                    None,
                    "procurement's material groups",
                    _MASTER,
                )
            )
    for code, targets in (("MIX-100", ("6110", "6120")), ("MIX-200", ("6210", "6220"))):
        rows += [
            ("procurement", "account", code, target, start, None, "two teams mapped it", _MASTER)
            for target, start in zip(targets, (_FOREVER, "2024-01-01"), strict=True)
        ]
    for theirs, ours in zip(w.PROCUREMENT_SUPPLIER_CODES, w.LEDGER_SUPPLIER_CODES, strict=True):
        if ours:
            rows.append(
                (
                    "procurement",
                    "supplier",
                    theirs,
                    ours,
                    _FOREVER,
                    None,
                    "supplier numbers of the two systems",
                    _MASTER,
                )
            )
    for code, targets in (("S-09201", ("V10011", "V10012")), ("S-09202", ("V10013", "V10014"))):
        rows += [
            ("procurement", "supplier", code, target, start, None, "merged twice", _MASTER)
            for target, start in zip(targets, (_FOREVER, "2024-01-01"), strict=True)
        ]
    header = ("system", "kind", "source_code", "canonical_code", "valid_from", "valid_to", "reason", "owner")
    return _csv(header, sorted(rows, key=lambda row: [str(value) for value in row]))


def _rate_text(millionths: int) -> str:
    return f"{millionths // w.RATE_UNIT}.{millionths % w.RATE_UNIT:06d}"


def _rates() -> str:
    table, rows = w.rate_table(), []
    months = [w.to_date(day) for day in w.period_starts(1)]
    for a, b in w.rate_pairs():
        first, second = w.CURRENCIES[a], w.CURRENCIES[b]
        ends = w.RATE_ENDS.get((first, second), w.NEVER)
        days = [w.FIRST_RATE_DAY + 7 * week for week in range(w.WEEKS)]
        rows += [
            (
                "spot",
                first,
                second,
                w.to_date(on),
                _rate_text(int(table[a, b, week])),
                "treasury feed, weekly",
            )
            for week, on in enumerate(days)
            if on <= ends
        ]
        if ends < w.NEVER:
            continue
        for number, month in enumerate(months[:-1]):
            start, end = w.day(month.isoformat()), w.day(months[number + 1].isoformat()) - 1
            weeks = [(on - w.FIRST_RATE_DAY) // 7 for on in (start, (start + end) // 2, end)]
            average = sum(int(table[a, b, min(week, w.WEEKS - 1)]) for week in weeks) // len(weeks)
            plan = (
                int(table[a, b, (number // w.PERIODS_PER_YEAR) * (w.WEEKS // 2)]) // _PLAN_RATES * _PLAN_RATES
            )
            closing = int(table[a, b, min(weeks[-1], w.WEEKS - 1)])
            rows.append(("average", first, second, month, _rate_text(average), "treasury, monthly average"))
            rows.append(
                ("closing", first, second, w.to_date(end), _rate_text(closing), "treasury, month end")
            )
            rows.append(
                ("plan", first, second, month, _rate_text(max(plan, _PLAN_RATES)), f"budget {month.year}")
            )
    return _csv(("rate_type", "from_currency", "to_currency", "rate_date", "rate", "source"), rows)


def _tolerances() -> str:
    start = w.to_date(w.FIRST_DAY)
    rows = [
        (
            "C07",
            "price",
            "JP01",
            None,
            "50",
            "0.005",
            10,
            start,
            None,
            "half a hundred yen is rounding",
            "accounts-payable",
        ),
        (
            "C07",
            "tax",
            "JP01",
            None,
            "10",
            "0.005",
            10,
            start,
            None,
            "tax is rounded to the yen per line",
            "accounts-payable",
        ),
        (
            "C06",
            None,
            "JP01",
            None,
            "10",
            "0",
            0,
            start,
            None,
            "rounded to the yen per posting",
            "accounts-payable",
        ),
        (
            "C11",
            "balance",
            "JP01",
            None,
            "10",
            "0",
            90,
            start,
            None,
            "rounded to the yen per posting",
            "accounts-payable",
        ),
        ("C07", "price", "KW01", None, "0.02", "0.005", 10, start, None, "twenty fils", "accounts-payable"),
        (
            "C07",
            "price",
            None,
            None,
            "0.05",
            "0.01",
            10,
            "2020-01-01",
            "2024-12-31",
            "old supplier terms",
            "accounts-payable",
        ),
    ]
    return _csv(
        (
            "control_id", "aspect", "legal_entity_id", "category", "absolute_functional", "percent", "lag_days", "valid_from",
            "valid_to", "reason", "owner",
        ),
        rows,
    )  # fmt: skip


def _policies() -> str:
    rows: list[Sequence[object]] = []
    for entity in w.ENTITIES:
        for line_type, relief in zip(("quantity", "amount"), entity.relief, strict=True):
            value, why = (
                ("receipt", "the ledger accrues what was received")
                if relief == w.RELIEF_RECEIPT
                else ("invoice", "the ledger posts the expense at the invoice")
            )
            start = w.to_date(w.FIRST_DAY)
            rows.append(
                ("relief_point", entity.code, line_type, value, start, None, why, "group-controlling")
            )
    first = w.to_date(w.FIRST_DAY)
    rows.append(("funds_window", None, None, "year_to_date", first, None, "group rule", "budget-office"))
    rows.append(
        ("funds_window", "DE01", None, "full_year", first, None, "annual appropriations", "budget-office")
    )
    return _csv(
        ("policy", "legal_entity_id", "line_type", "value", "valid_from", "valid_to", "reason", "owner"), rows
    )


def _account_roles() -> str:
    """GRNI where the ledger accrues receipts of goods; one control account of payables for all."""
    start = w.to_date(w.FIRST_DAY)
    rows: list[Sequence[object]] = [
        (
            "gr_ir",
            entity.code,
            "2100",
            start,
            None,
            "receipts are accrued at the order's price",
            "general-ledger",
        )
        for entity in w.ENTITIES
        if w.RELIEF_RECEIPT in entity.relief
    ]
    rows.append(
        ("ap_control", None, "2000", start, None, "control account of the suppliers", "general-ledger")
    )
    return _csv(("role", "legal_entity_id", "account_id", "valid_from", "valid_to", "reason", "owner"), rows)


def _control_levels() -> str:
    rows = [
        ("account", code, parent, "availability is checked per account group", "budget-office")
        for code, _, _, parent, _, _ in w.ACCOUNTS
        if parent
    ]
    rows += [
        ("cost_center", code, parent, "availability is checked per department", "budget-office")
        for code, _, _, parent, _ in w.COST_CENTERS
        if parent
    ]
    return _csv(("kind", "code", "control_code", "reason", "owner"), rows)


def texts() -> dict[str, str]:
    """File name -> text of every reference table."""
    return {
        "entities.csv": _entities(), "calendars.csv": _calendars(), "period_status.csv": _period_status(),
        "crosswalk.csv": _crosswalk(), "rates.csv": _rates(), "tolerances.csv": _tolerances(), "policies.csv": _policies(),
        "control_levels.csv": _control_levels(), "account_roles.csv": _account_roles(),
    }  # fmt: skip


def write(folder: Path = FOLDER) -> None:
    """Write the reference tables of the demo deployment."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
