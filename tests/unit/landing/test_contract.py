"""What stops an object: columns that are missing, of another type, or changed their type."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.landing_kit import Kit

PARQUET = {"kind": "file", "path": "x.parquet", "format": "parquet"}
FIELDS: dict[str, Any] = {
    "id": {"required": True}, "n": {"type": "integer"}, "amount": {"type": "amount", "decimals": 2}, "day": {"type": "date"},
    "yes": {"type": "boolean"},
}  # fmt: skip
GOOD = {"id": ["1"], "n": [1], "amount": ["1.25"], "day": ["2026-01-31"], "yes": [True]}


def _frame(**types: Any) -> pl.DataFrame:
    frame = pl.DataFrame(GOOD).with_columns(
        pl.col("amount").cast(pl.Decimal(18, 2)), pl.col("day").str.to_date()
    )
    return frame.with_columns(pl.col(name).cast(kind) for name, kind in types.items())


def _kit(tmp_path: Path, **fields: Any) -> Kit:
    return Kit(tmp_path, read=PARQUET, fields={**FIELDS, **fields}, key=["id"])


def _put(kit: Kit, frame: pl.DataFrame) -> None:
    frame.write_parquet(kit.source / "x.parquet")


@pytest.mark.parametrize(
    ("types", "words"),
    [
        ({"amount": pl.String}, "column 'amount' (field 'amount') is text; the contract says amount -> have it delivered as a decimal"),
        ({"amount": pl.Float64}, "is stored as binary floats, which are not exact -> "),
        ({"amount": pl.Boolean}, "is boolean; the contract says amount"),
        ({"n": pl.String}, "column 'n' (field 'n') is text; the contract says integer"),
        ({"id": pl.Float64}, "column 'id' (field 'id') is float; the contract says text"),
        ({"yes": pl.Date}, "is date; the contract says boolean"),
        ({"day": pl.Int32}, "is integer; the contract says date"),
    ],
)  # fmt: skip
def test_a_column_of_another_type_stops_the_object(types: dict[str, Any], words: str, tmp_path: Path) -> None:
    kit = _kit(tmp_path)
    _put(kit, _frame(**types))
    assert words in kit.refused()
    assert kit.batches == []


def test_floats_are_taken_only_where_the_contract_says_so(tmp_path: Path) -> None:
    kit = _kit(tmp_path, amount={"type": "amount", "decimals": 2, "binary_float": True})
    _put(kit, _frame(amount=pl.Float64))
    assert kit.landed().rows_accepted == 1
    assert str(kit.state()["amount"][0]) == "1.2500"


def test_a_column_that_changes_its_type_stops_the_object_until_the_contract_changes(tmp_path: Path) -> None:
    kit = _kit(tmp_path)
    _put(kit, _frame())
    kit.landed()
    _put(kit, _frame(id=pl.Int64))
    assert "column 'id' (field 'id') changed its type at the source, from text to integer" in kit.refused()
    kit.declare(read=PARQUET, fields={**FIELDS, "id": {"required": True, "blank": ["?"]}}, key=["id"])
    assert kit.land().status == "unchanged", "a code kept as a number is the same text"


def test_a_column_that_is_gone_stops_the_object_and_the_message_helps(tmp_path: Path) -> None:
    kit = _kit(tmp_path)
    _put(kit, _frame().rename({"amount": "amount_usd", "n": "m"}))
    text = kit.refused()
    assert "erp.lines: column 'n' (field 'n') is missing; found: id, m, amount_usd, day, yes" in text
    check = kit.land().check
    assert check is None


def test_two_fields_from_one_column_are_refused(tmp_path: Path) -> None:
    kit = _kit(tmp_path, other={"header": "id"})
    _put(kit, _frame())
    assert "fields 'id', 'other' are all read from column 'id'" in kit.refused()


def test_the_version_follows_what_could_change_a_record_and_nothing_else(tmp_path: Path) -> None:
    from finance_sync.landing.contract import contract_of

    def version(**declared: Any) -> str:
        return contract_of(
            Kit(tmp_path, read=PARQUET, key=["id"], **{"fields": FIELDS, **declared}).deployment,
            "erp",
            "lines",
        ).version

    assert version() == version(title="Other", latency_target="3 days", owner="me")
    assert version() == version(fields={**FIELDS, "n": {"type": "integer", "note": "why"}})
    assert version() != version(fields={**FIELDS, "n": {"type": "integer", "required": True}})
    assert version() != version(time_zone="Asia/Tokyo")
