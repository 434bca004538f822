"""Documents kept in heads and lines, in two files: totals compared both ways (C26), and nights on which only one file changes.

The AdventureWorks deployment over a handful of records made here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from finance_sync.settings import load_settings
from tests.e2e.real_data import DEPLOYMENTS, Published
from tests.e2e.support import finance_sync

FILES = {
    "dw/DimAccount.csv": ["4|3|1110|110|Cash|Assets|+||Currency|", "60|59|6000|600|Salaries|Expenditures|+||Currency|"],
    "dw/DimDepartmentGroup.csv": ["1||Corporate"],
    "dw/DimOrganization.csv": ["3|14|1|Northeast Division|100"],
    "dw/DimCurrency.csv": ["100|USD|US Dollar"],
    "dw/FactFinance.csv": [
        "1|20101229|3|1|1|60|48000.459999999999|2010-12-29 00:00:00.000",
        "2|20101229|3|1|2|60|48000.0|2010-12-29 00:00:00.000",
    ],
    "oltp/Vendor.csv": ["1580\tLITWARE0001\tLitware, Inc.\t1\t1\t1\t\t2022-04-24 00:00:00.000"],
}  # fmt: skip
DAY = "2022-04-15 00:00:00.000"


def _head(order: int, net: str, total: str, status: int = 2, changed: str = DAY) -> str:
    """A header whose parts are the net amount, 8 of tax and 2 of freight."""
    fields = [order, 1, status, 258, 1580, 3, DAY, DAY, net, "8.0000", "2.0000", total, changed]
    return "\t".join(str(field) for field in fields)


def _line(order: int, units: int) -> str:
    """A line of units at 10, all received."""
    fields = [
        order,
        order,
        DAY,
        units,
        1,
        "10.0000",
        f"{units * 10}.0000",
        f"{units}.00",
        ".00",
        f"{units}.00",
        DAY,
    ]
    return "\t".join(str(field) for field in fields)


HEADS = {
    1: _head(1, "100.0000", "110.0000"),
    2: _head(2, "100.0000", "110.0001"),  # parts within tolerance
    3: _head(3, "100.0000", "111.0000"),  # parts differ
    4: _head(4, "100.0000", "110.0000"),  # lines differ
    5: _head(5, "100.0000", "110.0000"),  # no line
    7: _head(7, "100.0001", "110.0001"),  # lines within tolerance
}
LINES = {
    1: _line(1, 10),
    2: _line(2, 10),
    3: _line(3, 10),
    4: _line(4, 9),
    6: _line(6, 5),
    7: _line(7, 10),
}  # 6: no header


def _write(folder: Path, name: str, rows: Iterable[str]) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{row}\n" for row in rows))


def _found(night: Published) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    rows = night.rows(
        "select business_key, reason_code, difference_amount, amount_group from mart_exceptions where control_id = 'C26'"
    )
    return {(key, reason): (difference, at_risk) for key, reason, difference, at_risk in rows}


@pytest.mark.slow
@pytest.mark.first
def test_totals_both_ways_and_nights_of_one_file(tmp_path: Path) -> None:
    source, home = tmp_path / "source", tmp_path / "home"
    for name, rows in FILES.items():
        _write(source, name, rows)
    _write(source, "oltp/PurchaseOrderHeader.csv", HEADS.values())
    _write(source, "oltp/PurchaseOrderDetail.csv", LINES.values())
    chosen = {"deployment": DEPLOYMENTS / "adventureworks", "as_of": date(2022, 6, 30)}
    inputs = {"sources": json.dumps({"ADVENTUREWORKS_DIR": str(source)}), **chosen}
    published = Published(load_settings(home=home, **chosen), "")

    finance_sync("run", home=home, **inputs)
    order = "purchasing|purchase_order|{}".format
    assert _found(published) == {
        (order(3), "parts_differ"): (1, 1),
        (order(4), "lines_differ"): (10, 10),
        (order(5), "total_without_lines"): (100, 100),
        (order(6), "lines_without_total"): (-50, 50),
    }
    compared = "select sum(rows_compared), sum(rows_matched), sum(rows_within_tolerance) from mart_control_results where control_id = 'C26'"
    assert published.row(compared) == (6 + 7, 7, 2)
    assert published.row("select sum(amount_functional) from mart_ledger_balance") == (Decimal("48000.46"),)
    lines = "select order_no, line_status, supplier_id from mart_order_line order by order_no"
    approved = ("approved", "1580")
    assert published.rows(lines) == [("1", *approved), ("2", *approved), ("3", *approved), ("4", *approved),
                                     ("6", "draft", "NONE"), ("7", *approved)]  # fmt: skip

    # Only headers change: one is closed, one corrected, two are gone. Their lines stand in a file that did not change.
    later = "2022-05-01 00:00:00.000"
    heads = {
        **HEADS,
        1: _head(1, "100.0000", "110.0000", 4, later),
        4: _head(4, "90.0000", "100.0000", 2, later),
    }
    _write(
        source, "oltp/PurchaseOrderHeader.csv", (row for number, row in heads.items() if number not in (3, 5))
    )
    finance_sync("run", home=home, **inputs)
    assert _found(published) == {(order(6), "lines_without_total"): (-50, 50)}
    assert published.rows(lines) == [("1", "closed", "1580"), ("2", *approved), ("4", *approved),
                                     ("6", "draft", "NONE"), ("7", *approved)]  # fmt: skip

    # Only lines change: the header that stands in an older batch is found.
    _write(source, "oltp/PurchaseOrderDetail.csv", {**LINES, 2: _line(2, 11)}.values())
    finance_sync("run", home=home, **inputs)
    assert _found(published) == {
        (order(2), "lines_differ"): (-10, 10),
        (order(6), "lines_without_total"): (-50, 50),
    }
    assert published.rows(lines)[1] == ("2", *approved)

    # Three nights make what one build of everything makes.
    finance_sync("build", "--full-refresh", home=home, **inputs)
    assert "no byte changed" in finance_sync("publish", home=home, **inputs)
