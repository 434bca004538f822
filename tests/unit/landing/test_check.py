"""The contract check: each reason of rejection, with a message that says where, what and what to do."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.landing_kit import LINES, Kit, identity_holds

HEAD = "journal,line,currency,amount,posted,text\n"


def _rejected(kit: Kit, batch: Any) -> list[dict[str, Any]]:
    return pl.read_parquet(batch.rejected_path).to_dicts()


@pytest.mark.parametrize(
    ("row", "code", "field", "words"),
    [
        ('J1,1,USD,"1,000,000.005",,', "not_a_number", "amount", "amount '1,000,000.005' is not a number -> "),
        ("J1,1,USD,1000000.005,,", "too_many_decimals", "amount", "amount '1000000.005' has 3 decimals, USD allows 2 -> correct it at"),
        ("J1,1,JPY,10.5,,", "too_many_decimals", "amount", "has 1 decimals, JPY allows 0"),
        ("J1,1,USD,abc,,", "not_a_number", "amount", "'abc' is not a number"),
        ("J1,1,USD,999999999999999,,", "does_not_fit", "amount", "more than 14 digits before the decimal point"),
        ("J1,1,XQQ,1.5,,", "unknown_currency", "currency", "currency 'XQQ' is not a currency of ISO 4217"),
        ("J1,1,,1.5,,", "missing_required", "currency", "currency is empty and required"),
        ("J1,1,USD,,,", "missing_required", "amount", "amount is empty and required"),
        (",1,USD,1,,", "missing_required", "journal", "journal is empty and required"),
        ("J1,x,USD,1,,", "not_an_integer", "line", "'x' is not a whole number"),
        ("J1,1,USD,1,31/12/2026,", "not_a_date", "posted", "'31/12/2026' is not a date"),
        ("J1,1,USD,1", "bad_row", "line", "line 'J1,1,USD,1' has 4 fields where 6 are expected"),
    ],
)  # fmt: skip
def test_each_reason_names_place_value_and_remedy(
    row: str, code: str, field: str, words: str, tmp_path: Path
) -> None:
    kit = Kit(tmp_path)
    kit.write(f"{HEAD}{row}\nOK,1,EUR,-1.25,2026-01-31,fine\n")
    batch = kit.landed()
    assert (batch.rows_seen, batch.rows_accepted, batch.rows_rejected, batch.rows_source) == (2, 1, 1, 2)
    (found,) = _rejected(kit, batch)
    assert (found["reject_reason"], found["field"]) == (code, field)
    assert words in found["message"]
    assert found["message"].startswith("erp.lines record ")
    assert " -> " in found["message"]
    assert (found["_batch_id"], found["_batch_seq"]) == (batch.batch_id, 1)
    payload = json.loads(found["payload"])
    assert payload == (
        {"_line": row} if code == "bad_row" else dict(zip(HEAD.strip().split(","), _cells(row), strict=True))
    )
    assert identity_holds(batch)


def _cells(row: str) -> list[str]:
    import csv

    return next(csv.reader([row]))


def test_a_record_with_several_faults_is_one_record_and_names_them_all(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.write(f"{HEAD}J1,1,XQQ,abc,soon,t\nJ1,2,USD,2.50,,\n")
    batch = kit.landed()
    found = _rejected(kit, batch)
    assert batch.rows_rejected == 1
    assert {r["_record_no"] for r in found} == {0}
    assert [(r["field"], r["reject_reason"]) for r in found] == [
        ("currency", "unknown_currency"), ("amount", "not_a_number"), ("posted", "not_a_date"),
    ]  # fmt: skip
    assert {r["record_key"] for r in found} == {"J1|1"}
    total = batch.control_totals["amount"]
    assert (total.seen, total.accepted, total.rejected) == (Decimal("2.5"), Decimal("2.5"), 0)


def test_totals_count_rejected_amounts_that_can_be_read(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.write(f"{HEAD}J1,1,USD,1000000.005,,\nJ1,2,USD,1.00,bad,\nJ1,3,USD,2.00,,\n")
    total = kit.landed().control_totals["amount"]
    assert (total.seen, total.accepted, total.rejected) == (
        Decimal("1000003.005"),
        Decimal(2),
        Decimal("1000001.005"),
    )


def test_a_closed_list_and_a_constant_currency(tmp_path: Path) -> None:
    fields = {
        "id": {"required": True}, "kind": {"values": ["a", "b"]}, "amount": {"type": "amount", "currency": "KWD"},
        "note": {"type": "amount", "decimals": 4},
    }  # fmt: skip
    kit = Kit(tmp_path, fields=fields, key=["id"])
    kit.write("id,kind,amount,note\n1,a ,1.125,1.1234\n2,c,1.1255,1.12345\n3,,,\n")
    batch = kit.landed()
    assert [(r["field"], r["reject_reason"]) for r in _rejected(kit, batch)] == [
        ("kind", "not_allowed_value"), ("amount", "too_many_decimals"), ("note", "too_many_decimals"),
    ]  # fmt: skip
    assert "allowed: a, b" in _rejected(kit, batch)[0]["message"]
    assert kit.state()["id"].to_list() == ["1", "3"]


def test_an_amount_needs_a_currency_that_may_be_left_out_where_there_is_none(tmp_path: Path) -> None:
    fields = {**LINES, "currency": {"type": "text"}, "amount": {"type": "amount", "currency": "currency"}}
    kit = Kit(tmp_path, fields=fields)
    kit.write(f"{HEAD}J1,1,,5,,\nJ1,2,,,,\nJ1,3,,0,,\nJ1,4,usd,1,,\nJ1,5,,abc,,\n")
    batch = kit.landed()
    assert [(r["record_key"], r["field"], r["reject_reason"]) for r in _rejected(kit, batch)] == [
        ("J1|1", "currency", "missing_required"), ("J1|4", "currency", "unknown_currency"),
        ("J1|5", "currency", "missing_required"), ("J1|5", "amount", "not_a_number"),
    ]  # fmt: skip


def test_rows_that_are_no_records_are_left_out_and_counted(tmp_path: Path) -> None:
    read = {"kind": "file", "path": "lines.csv", "exclude": {"text": "forecast"}}
    kit = Kit(tmp_path, read=read)
    kit.write(f"{HEAD}J1,1,USD,1,, forecast \nJ1,2,USD,2,,\n")
    batch = kit.landed()
    assert (batch.rows_seen, batch.rows_excluded, batch.rows_source) == (1, 1, 1)


def test_the_files_own_total_row_is_its_statement(tmp_path: Path) -> None:
    read = {"kind": "file", "path": "lines.csv", "total_row": {"journal": "", "line": ""}}
    kit = Kit(tmp_path, read=read)
    kit.write(f"{HEAD}J1,1,USD,1,,\nJ1,2,USD,2,,\n,,,4,,\n")
    batch = kit.landed()
    total = batch.control_totals["amount"]
    assert (batch.source_statement, batch.rows_source, batch.rows_seen) == ("total_row", 2, 2)
    assert (total.source, total.seen) == (4, 3)
    kit.write(f"{HEAD}J1,1,USD,1,,\n")
    assert "the file has no total row (a row with journal '', line '')" in kit.refused()


def test_undeclared_columns_are_kept_as_text_and_reported(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.write("journal,line,currency,amount,posted,text,New one,new ONE\nJ1,1,USD,1,,,x,y\n")
    batch = kit.landed()
    assert batch.new_columns == ["_extra_New one", "_extra_new ONE_2"]
    assert kit.state().select("_extra_New one", "_extra_new ONE_2").rows() == [("x", "y")]
