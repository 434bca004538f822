"""Fixtures of the report's tests."""

from __future__ import annotations

import random
import shutil
import sys
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from report_kit import Published, cell, finding, new_publication, opened, registered

PERIODS = {"US01": "US445", "DE01": "MONTH", "GB01": "MONTH", "JP01": "MONTH", "KW01": "MONTH"}
BLOCKING = {"C01", "C02"}


@pytest.fixture
def empty(tmp_path: Path) -> Published:
    """A publication without rows."""
    return new_publication(tmp_path / "home")


@pytest.fixture
def full(filled: Path, tmp_path: Path) -> Published:
    """Five entities, two calendars, six periods, amounts with four decimals, gaps where gaps can be."""
    shutil.copytree(filled, tmp_path / "home", symlinks=True)
    return opened(tmp_path / "home")


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of such a publication, made once."""
    home = tmp_path_factory.mktemp("report") / "home"
    empty = new_publication(home)
    chance = random.Random(11)

    def some(low: int = -200_000, high: int = 90_000_000_000) -> Decimal:
        return Decimal(chance.randint(low, high)).scaleb(-4)

    for entity, calendar in PERIODS.items():
        for number in range(1, 7):
            period = f"{calendar}:2026-P{number:02d}"
            for name in "abc":
                row = cell(entity, period, name, account_type="revenue" if name == "c" else "expense")
                row.update({column: some() for column, value in row.items() if isinstance(value, Decimal)})
                row["funds_available_group"] = some(-90_000_000, 90_000_000)
                row["exceptions_in_question"] = chance.randint(0, 3)
                row["funds_window"] = "full_year" if entity == "DE01" else "year_to_date"
                empty.add("mart_commitment_vs_actual", row)
            for control in ("C02", "C07", "C09"):
                failed = chance.choice([0, 0, 3])
                empty.add("mart_control_results", {
                    "control_id": control, "control_name": f"Control {control}", "legal_entity_id": entity, "fiscal_period_id": period,
                    "status": "failed" if failed else "passed", "rows_compared": 50, "rows_matched": 40,
                    "rows_within_tolerance": 10 - failed, "rows_failed": failed, "owner": "accounts-payable",
                })  # fmt: skip
    empty.add("mart_control_results", {
        "control_id": "C26", "control_name": "Document totals", "legal_entity_id": "ALL", "fiscal_period_id": "ALL",
        "status": "not_applicable", "reason": "nothing feeds document_total", "rows_compared": 0, "rows_matched": 0,
        "rows_within_tolerance": 0, "rows_failed": 0, "owner": "data-engineering",
    })  # fmt: skip
    _exceptions(empty, chance)
    empty.add("mart_open_commitments", *(
        {"commitment_kind": kind, "age_band": band, "amount_open_group": some(), "as_of": date(2026, 5, 18)}
        for kind in ("encumbrance", "pre_encumbrance") for band in ("over 365", "0-30", "91-180") for _ in range(2)
    ))  # fmt: skip
    empty.add("mart_grni", {"age_band": "0-30", "open_group": some(), "ledger_group": some()})
    empty.add("mart_sync_health", *(
        {"system": "erp", "object": name, "owner": "ledger-team", "freshness": state, "latency_target_hours": Decimal(26),
         "last_contact_on": date(2026, 5, 18), "data_as_of": datetime(2026, 5, 17, 4, 5), "rows_landed": 12_345, "rejected_open": 2}
        for name, state in (("lines", "on_time"), ("rates", "late"))
    ))  # fmt: skip
    empty.close()
    return home


def _exceptions(publication: Published, chance: random.Random) -> None:
    runs = ("run-1", "run-2")
    publication.add("exception_run", *(
        {"run_id": run, "business_date": date(2026, 5, 14 + place), "at": f"2026-05-{14 + place}T02:00:00+00:00"}
        for place, run in enumerate(runs)
    ))  # fmt: skip
    seq = 0
    for place in range(40):
        control = ("C02", "C07", "C09", "C25")[place % 4]
        entity = [*PERIODS][place % 5]
        amount = None if place % 13 == 0 else str(Decimal(chance.randint(1, 10**9)).scaleb(-4))
        row = finding(
            f"PO{place}", amount, control_id=control, legal_entity_id=entity, is_blocking=control in BLOCKING,
            fiscal_period_id=f"{PERIODS[entity]}:2026-P{4 + place % 2:02d}", cell_id=f"{entity}-{'abc'[place % 3]}",
            owner=("accounts-payable", "general-ledger", None)[place % 3], left_amount=Decimal("10.0000"),
            difference_amount=Decimal("-3.5000"), amount_functional=Decimal("3.5000"),
        )  # fmt: skip
        publication.add("mart_exceptions", row)
        known = registered(
            row, status=("open", "assigned", "waived", "open")[place % 4 if place % 7 else 2], age_days=place * 4,
            severity=("low", "medium", "high", "critical")[place % 4], is_overdue=place % 5 == 0,
        )  # fmt: skip
        publication.add("exception_register", known)
        seq += 1
        event = {
            "event": "opened",
            "run_id": runs[place % 2],
            "at": f"2026-05-{14 + place % 2}T02:00:00+00:00",
        }
        publication.add("exception_history", {"seq": seq, "exception_id": row["exception_id"], **event})
    gone = finding("PO-GONE", "77.0000")
    publication.add("exception_register", registered(gone, is_there=False, status="resolved"))
    publication.add(
        "exception_history",
        {"seq": seq + 1, "exception_id": gone["exception_id"], "event": "gone", "run_id": "run-2", "at": "2026-05-15T02:00:00+00:00"},
        {"seq": seq + 2, "exception_id": gone["exception_id"], "event": "waived", "at": "2026-05-14T12:00:00+00:00"},
    )  # fmt: skip
