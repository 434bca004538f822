"""Replay: rejected records judged again by the present contract."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from finance_sync.landing import LandingResult, outstanding_rejects, replay
from tests.landing_kit import CHANGED, LINES, Kit

HEAD = "journal,line,currency,amount,posted,text,changed\n"
MODES: dict[str, dict[str, Any]] = {
    "cursor": {"mode": "cursor", "cursor": "changed", "lookback": "1 hours"}, "snapshot": {"mode": "snapshot"}, "full": {"mode": "full"}
}  # fmt: skip


def _row(journal: str, amount: str = "1", at: str = "2026-01-01 10:00:00") -> str:
    return f'{journal},1,USD,"{amount}",,,{at}\n'


def _replay(kit: Kit) -> LandingResult:
    return replay(kit.settings, kit.deployment, "erp", "lines", correlation_id="again")


def _open(kit: Kit) -> list[str | None]:
    return outstanding_rejects(kit.settings, kit.deployment)["record_key"].to_pylist()


@pytest.mark.parametrize("mode", MODES)
def test_after_the_contract_is_mended_the_record_lands(mode: str, tmp_path: Path) -> None:
    declared: dict[str, Any] = {"delta": MODES[mode], "fields": CHANGED}
    kit = Kit(tmp_path, **declared)
    kit.write(HEAD + _row("A", "1,000.50") + _row("B", "abc") + _row("C"))
    first = kit.landed()
    assert _replay(kit).status == "unchanged", "the contract is the same"
    kit.declare(read={"kind": "file", "path": "lines.csv", "numbers": {"thousands": ","}}, **declared)
    result = _replay(kit)
    assert result.batch is not None
    batch = result.batch
    assert (batch.mode, batch.replayed_from, batch.window_to) == ("replay", [first.batch_id], first.window_to)
    assert pl.read_parquet(batch.settled_path).select("_batch_seq", "record_key", "how").rows() == [
        (1, "A|1", "replayed")
    ]
    assert str(batch.control_totals["amount"].accepted) == "1000.5000"
    assert dict(kit.state().select("journal", "amount").iter_rows()) == {"A": 1000.5, "C": 1}, (
        "whole in every mode"
    )
    assert _open(kit) == ["B|1"]
    assert _replay(kit).status == "unchanged"
    assert kit.land().status == "unchanged", "the source brings it again, and it is there"


def test_a_later_version_in_the_log_is_not_overwritten(tmp_path: Path) -> None:
    # The rejected record is older than what a late file has brought meanwhile, under another time.
    declared: dict[str, Any] = {
        "delta": MODES["cursor"],
        "fields": CHANGED,
        "read": {"kind": "file", "path": "*.csv"},
    }
    kit = Kit(tmp_path, **declared)
    kit.write(HEAD + _row("A", "2", "2026-01-02 10:00:00"), "1.csv")
    kit.landed()
    kit.write(HEAD + _row("A", "1,5", "2026-01-01 10:00:00"), "2.csv")
    kit.landed()
    kit.declare(**{**declared, "read": {**declared["read"], "numbers": {"decimal": ","}}})
    batch = _replay(kit).batch
    assert batch is not None
    assert (batch.rows_accepted, batch.rows_superseded, batch.rows_settled) == (0, 1, 1)
    assert kit.state()["amount"].to_list() == [2]
    assert _open(kit) == []


def test_records_that_share_a_key_go_on_waiting_until_the_key_tells_them_apart(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.write("journal,line,currency,amount,posted,text\nA,1,USD,1,,x\nA,1,USD,2,,y\n")
    kit.landed()
    assert _replay(kit).status == "unchanged"
    kit.declare(key=["journal", "line", "text"])
    batch = _replay(kit).batch
    assert batch is not None
    assert batch.rows_accepted == 2
    assert _open(kit) == []


def test_lines_of_fixed_width_are_cut_anew(tmp_path: Path) -> None:
    def fields(width: int) -> dict[str, Any]:
        return {
            "id": {"start": 1, "width": 2, "required": True},
            "amount": {"start": 3, "width": width, "type": "amount", "decimals": 2},
        }

    read = {"kind": "file", "path": "lines.txt", "format": "fixed"}
    kit = Kit(tmp_path, read=read, key=["id"], fields=fields(4))
    kit.write(
        "A1  12.50\nA2   7  \n", "lines.txt"
    )  # the layout is off by some characters: 12.50 reads as 12.5 cut short
    kit.write("A1 12x50\nA2   7  \n", "lines.txt")
    kit.landed()
    assert _open(kit) == ["A1"]
    kit.declare(
        read=read, key=["id"], fields={**fields(6), "amount": {**fields(6)["amount"], "blank": ["12x50"]}}
    )
    assert _replay(kit).status == "landed"
    assert kit.state().select("id", "amount").rows() == [("A1", None), ("A2", 7)]


def test_a_payload_without_a_column_that_the_contract_has_now_says_so(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.write("journal,line,currency,amount,posted,text\nA,1,USD,x,,\n")
    kit.landed()
    kit.declare(fields={**LINES, "fund": {}})
    with pytest.raises(Exception, match=r"records rejected in batch 1 cannot be replayed: .*column 'fund'"):
        _replay(kit)


def test_lines_that_could_not_be_cut_are_not_taken_up(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.write("journal,line,currency,amount,posted,text\nA,1,USD\nB,1,USD,1,,\n")
    kit.landed()
    assert _replay(kit).status == "unchanged"
    assert _open(kit) == [None]


def test_typed_records_come_back_as_they_were(tmp_path: Path) -> None:
    read = {"kind": "file", "path": "lines.parquet", "format": "parquet"}
    fields = {
        "id": {"required": True}, "amount": {"type": "amount", "currency": "USD"}, "at": {"type": "timestamp"}, "day": {"type": "date", "format": "%d.%m.%Y"}
    }  # fmt: skip
    kit = Kit(tmp_path, read=read, key=["id"], fields=fields, time_zone="Europe/Berlin")
    frame = pl.DataFrame(
        {
            "id": ["1"],
            "amount": ["1.125"],
            "at": ["2026-06-01 10:00:00.123456"],
            "day": ["2026-06-01"],
            "more": [[1, 2]],
        }
    )
    frame.with_columns(
        pl.col("amount").cast(pl.Decimal(18, 3)),
        pl.col("at").str.to_datetime().dt.replace_time_zone("UTC"),
        pl.col("day").str.to_date(),
    ).write_parquet(kit.source / "lines.parquet")
    kit.landed()
    kit.declare(
        read=read,
        key=["id"],
        time_zone="Europe/Berlin",
        fields={**fields, "amount": {"type": "amount", "decimals": 3}},
    )
    assert _replay(kit).status == "landed"
    (row,) = kit.state().to_dicts()
    assert (str(row["amount"]), str(row["at"]), str(row["day"])) == (
        "1.1250",
        "2026-06-01 10:00:00.123456",
        "2026-06-01",
    )
    assert row["_extra_more"] == "[1,2]" or row["_extra_more"] == '{"more":[1,2]}'
