"""What is new, unchanged, superseded or gone, by delta mode; and what must not move a watermark or delete everything."""

from __future__ import annotations

import json
import os
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from finance_sync.landing import outstanding_rejects
from tests.landing_kit import CHANGED, Kit, identity_holds

HEAD = "journal,line,currency,amount,posted,text,changed\n"
CURSOR: dict[str, Any] = {
    "delta": {"mode": "cursor", "cursor": "changed", "lookback": "1 hours"},
    "fields": CHANGED,
}
MODES: dict[str, dict[str, Any]] = {
    "cursor": CURSOR, "snapshot": {"fields": CHANGED}, "full": {"fields": CHANGED, "delta": {"mode": "full"}}
}  # fmt: skip


def _row(journal: str, amount: str = "1", at: str = "2026-01-01 10:00:00", line: int = 1) -> str:
    return f"{journal},{line},USD,{amount},,,{at}\n"


def _counts(batch: Any) -> dict[str, int]:
    names = ("seen", "accepted", "rejected", "unchanged", "superseded", "deleted")
    return {name: getattr(batch, f"rows_{name}") for name in names if getattr(batch, f"rows_{name}")}


# ---------------------------------------------------------------- keys that stand in a pull more than once


@pytest.mark.parametrize("mode", MODES)
def test_a_record_twice_counts_once(mode: str, tmp_path: Path) -> None:
    kit = Kit(tmp_path, **MODES[mode])
    kit.write(HEAD + _row("A") + _row("B") + _row("A"))
    batch = kit.landed()
    assert _counts(batch) == {"seen": 3, "accepted": 2, "superseded": 1}
    assert identity_holds(batch)
    assert kit.state()["journal"].to_list() == ["A", "B"]


def test_the_latest_change_wins(tmp_path: Path) -> None:
    kit = Kit(tmp_path, **CURSOR)
    kit.write(
        HEAD
        + _row("A", "2", "2026-01-02 10:00:00")
        + _row("A", "1")
        + _row("A", "3", "2026-01-03 10:00:00")
        + _row("B")
    )
    batch = kit.landed()
    assert _counts(batch) == {"seen": 4, "accepted": 2, "superseded": 2}
    assert identity_holds(batch)
    assert kit.state()["amount"].to_list() == [3, 1]


@pytest.mark.parametrize("mode", MODES)
def test_one_key_with_two_contents_is_ambiguous_and_both_are_rejected(mode: str, tmp_path: Path) -> None:
    kit = Kit(tmp_path, **MODES[mode])
    kit.write(HEAD + _row("A", "1") + _row("A", "2") + _row("B", "3"))
    batch = kit.landed()
    assert _counts(batch) == {"seen": 3, "accepted": 1, "rejected": 2}
    assert identity_holds(batch)
    found = pl.read_parquet(batch.rejected_path)
    assert found["reject_reason"].unique().to_list() == ["duplicate_key"]
    assert found["_record_no"].to_list() == [0, 1]
    assert (
        "erp.lines record A|1: journal, line 'A|1' stands in the pull more than once" in found["message"][0]
    )
    assert sorted(json.loads(payload)["amount"] for payload in found["payload"]) == ["1", "2"]
    kit.write(HEAD + _row("A", "1") + _row("A", "2") + _row("B", "3") + "\n")
    assert kit.land().status == "unchanged", "known rejects are not landed again"


# ---------------------------------------------------------------- cursor


def test_a_delta_brings_what_changed_and_what_overlaps_is_compared(tmp_path: Path) -> None:
    kit = Kit(tmp_path, **CURSOR)
    kit.write(HEAD + _row("A", at="2026-01-01 08:00:00") + _row("B", at="2026-01-01 09:45:00") + _row("C"))
    first = kit.landed()
    assert (first.window_from, first.window_to) == (None, "2026-01-01T10:00:00")
    # D committed late, within the lookback; B changed without a new time; A changed before the window: not looked at.
    kit.write(
        HEAD + _row("A", "9", at="2026-01-01 08:00:00") + _row("B", "9", at="2026-01-01 09:45:00") + _row("C")
        + _row("D", at="2026-01-01 09:30:00") + _row("E", at="2026-01-01 11:00:00")
    )  # fmt: skip
    batch = kit.landed()
    assert batch.window_from == "2026-01-01T09:00:00"
    assert _counts(batch) == {"seen": 5, "accepted": 3, "unchanged": 2}
    assert identity_holds(batch)
    assert pl.read_parquet(batch.accepted_path)["journal"].sort().to_list() == ["B", "D", "E"]


def test_a_file_never_seen_is_read_whatever_its_times(tmp_path: Path) -> None:
    kit = Kit(tmp_path, **CURSOR, read={"kind": "file", "path": "*.csv"})
    kit.write(HEAD + _row("A", "1", "2026-01-05 10:00:00") + _row("B", "1", "2026-01-05 10:00:00"), "2.csv")
    kit.landed()
    kit.write(
        HEAD
        + _row("A", "0", "2026-01-01 10:00:00")
        + _row("B", "1", "2026-01-05 10:00:00")
        + _row("C", "7", "2026-01-01 10:00:00"),
        "1.csv",
    )
    batch = kit.landed()
    assert _counts(batch) == {"seen": 3, "accepted": 1, "unchanged": 1, "superseded": 1}
    assert kit.state()["amount"].to_list() == [1, 1, 7], "a late file does not bring an old version back"
    assert batch.window_to == "2026-01-05T10:00:00", "nor the watermark"


def test_a_time_in_the_future_does_not_move_the_watermark_beyond_reach(tmp_path: Path) -> None:
    kit = Kit(tmp_path, **CURSOR)
    kit.settings = kit.settings.model_copy(update={"as_of": date(2026, 1, 2)})
    kit.write(HEAD + _row("A") + _row("B", at="2206-01-01 10:00:00"))
    first = kit.landed()
    assert first.window_to is not None
    assert first.window_to < "2206"
    assert first.cursor_max == "2206-01-01T10:00:00"
    kit.write(
        HEAD
        + _row("A")
        + _row("B", at="2206-01-01 10:00:00")
        + _row("C", at=f"{first.window_to[:10]} 00:00:00")
    )
    kit.declare(**{**CURSOR, "delta": {**CURSOR["delta"], "lookback": "2 days"}})
    second = kit.landed()
    assert pl.read_parquet(second.accepted_path)["journal"].to_list() == ["C"]


def test_a_rising_number_can_be_the_cursor(tmp_path: Path) -> None:
    fields = {"id": {"required": True}, "n": {"type": "integer"}}
    kit = Kit(tmp_path, fields=fields, key=["id"], control_totals=[], delta={"mode": "cursor", "cursor": "n"})
    kit.write("id,n\na,1\nb,2\n")
    assert kit.landed().window_to == "2"
    kit.write("id,n\na,1\nb,2\nc,2\nd,3\n")
    batch = kit.landed()
    assert (batch.window_from, batch.window_to, batch.rows_accepted) == ("2", "3", 2)


def test_a_changed_contract_looks_at_everything_once_more(tmp_path: Path) -> None:
    kit = Kit(tmp_path, **CURSOR)
    text = "journal,line,currency,amount,posted,text,changed,code\nA,1,USD,1,,,2026-01-01 01:00:00,x\nB,1,USD,1,,,2026-01-05 01:00:00,\n"
    kit.write(text)
    kit.landed()
    kit.declare(**{**CURSOR, "fields": {**CHANGED, "code": {}}})
    batch = kit.landed()
    assert batch.window_from is None
    assert kit.state()["code"].to_list() == ["x", None]
    assert kit.land().status == "unchanged"
    kit.write(text + "\n")
    again = kit.land()
    assert again.status == "unchanged"
    assert again.check is not None
    assert again.check.rows_unchanged == 2


# ---------------------------------------------------------------- snapshot


def test_a_snapshot_finds_insertions_changes_deletions_and_returns(tmp_path: Path) -> None:
    kit = Kit(tmp_path, **MODES["snapshot"])
    kit.write(HEAD + _row("A") + _row("B") + _row("C", "3"))
    kit.landed()
    kit.write(HEAD + _row("A") + _row("B", "2") + _row("D"))
    batch = kit.landed()
    assert _counts(batch) == {"seen": 3, "accepted": 2, "unchanged": 1, "deleted": 1}
    gone = pl.read_parquet(batch.accepted_path).filter("_deleted")
    assert gone.select("journal", "line", "amount", "currency").rows() == [
        ("C", 1, Decimal("3.0000"), "USD")
    ], "as it was last"
    assert batch.control_totals["amount"].accepted == 3
    kit.write(HEAD + _row("A") + _row("B", "2") + _row("C", "3") + _row("D"))
    assert _counts(kit.landed()) == {"seen": 4, "accepted": 1, "unchanged": 3}
    assert kit.state()["journal"].to_list() == ["A", "B", "C", "D"]


def test_deletions_can_be_left_alone(tmp_path: Path) -> None:
    kit = Kit(tmp_path, fields=CHANGED, delta={"mode": "snapshot", "deletions": False})
    kit.write(HEAD + _row("A") + _row("B"))
    kit.landed()
    kit.write(HEAD + _row("A"))
    assert kit.land().status == "unchanged"


def test_a_record_that_is_rejected_now_is_not_gone(tmp_path: Path) -> None:
    kit = Kit(tmp_path, **MODES["snapshot"])
    kit.write(HEAD + _row("A") + _row("B"))
    kit.landed()
    kit.write(HEAD + _row("A") + _row("B", "abc"))
    assert _counts(kit.landed()) == {"seen": 2, "rejected": 1, "unchanged": 1}
    assert kit.state()["journal"].to_list() == ["A", "B"]


@pytest.mark.parametrize("bad", ["B,1,USD\n", ",1,USD,1,,,2026-01-01\n"])
def test_deletions_wait_while_a_record_without_a_key_might_be_one_of_them(bad: str, tmp_path: Path) -> None:
    kit = Kit(tmp_path, **MODES["snapshot"])
    kit.write(HEAD + _row("A") + _row("B"))
    kit.landed()
    kit.write(HEAD + _row("A") + bad)
    batch = kit.landed()
    assert batch.deletions_held
    assert batch.rows_deleted == 0
    kit.write(HEAD + _row("A"))
    assert kit.landed().rows_deleted == 1


@pytest.mark.parametrize("mode", ["snapshot", "full"])
def test_an_empty_delivery_deletes_nothing_unless_it_is_meant(mode: str, tmp_path: Path) -> None:
    kit = Kit(tmp_path, **MODES[mode])
    kit.write(HEAD)
    assert kit.land().status == "unchanged", "no records yet: nothing to lose"
    kit.write(HEAD + _row("A") + _row("B"))
    kit.landed()
    kit.write(HEAD)
    text = kit.refused()
    assert "the source has no records, where 2 are in the books; nothing was deleted" in text
    assert "FINANCE_SYNC_ALLOW_EMPTY" in text
    assert kit.state().height == 2
    kit.declare(**MODES[mode], settings={"allow_empty": True})
    kit.landed()
    assert kit.state().height == 0
    assert kit.land().status == "unchanged"


# ---------------------------------------------------------------- full


def test_a_full_batch_is_the_whole_content_and_comes_only_when_it_differs(tmp_path: Path) -> None:
    kit = Kit(tmp_path, **MODES["full"])
    kit.write(HEAD + _row("A") + _row("B"))
    kit.landed()
    kit.write(HEAD + _row("B") + _row("A"))
    again = kit.land()
    assert again.status == "unchanged", "the order of records is no content"
    assert again.check is not None
    assert again.check.rows_unchanged == 2
    kit.write(HEAD + _row("B"))
    batch = kit.landed()
    assert _counts(batch) == {"seen": 1, "accepted": 1}
    assert kit.state()["journal"].to_list() == ["B"]
    kit.write(HEAD + _row("B", "2"))
    assert kit.landed().rows_accepted == 1


# ---------------------------------------------------------------- rejected records that wait


def _open(kit: Kit) -> list[str | None]:
    return outstanding_rejects(kit.settings, kit.deployment)["record_key"].to_pylist()


@pytest.mark.parametrize("mode", MODES)
def test_a_rejected_record_waits_until_a_later_pull_has_it_right(mode: str, tmp_path: Path) -> None:
    kit = Kit(tmp_path, **MODES[mode])
    kit.write(HEAD + _row("A", "abc") + _row("B"))
    kit.landed()
    kit.write(HEAD + _row("A", "abc") + _row("B") + _row("C"))
    batch = kit.landed()
    assert (batch.rows_rejected, batch.rows_settled) == (0, 0)
    assert _open(kit) == ["A|1"]
    kit.write(HEAD + _row("A", "xyz") + _row("B") + _row("C"))  # wrong in another way
    assert (kit.landed().rows_rejected, _open(kit)) == (1, ["A|1"])
    kit.write(HEAD + _row("A", "5") + _row("B") + _row("C"))
    batch = kit.landed()
    assert batch.rows_settled == 1
    assert pl.read_parquet(batch.settled_path)["how"].to_list() == ["superseded"]
    assert _open(kit) == []


@pytest.mark.parametrize("mode", ["snapshot", "full"])
def test_a_rejected_record_that_the_source_dropped_waits_no_more(mode: str, tmp_path: Path) -> None:
    kit = Kit(tmp_path, **MODES[mode])
    kit.write(HEAD + _row("A", "abc") + _row("B"))
    kit.landed()
    kit.write(HEAD + _row("B"))
    batch = kit.landed()
    assert pl.read_parquet(batch.settled_path)["how"].to_list() == ["gone"]
    assert _open(kit) == []
    assert kit.state()["journal"].to_list() == ["B"]


# ---------------------------------------------------------------- contact without news


@pytest.mark.parametrize("mode", MODES)
def test_an_untouched_file_is_not_read_and_still_counts_as_contact(mode: str, tmp_path: Path) -> None:
    kit = Kit(tmp_path, **MODES[mode])
    path = kit.write(HEAD + _row("A"))
    first = kit.landed(correlation_id="one")
    stat = path.stat()
    path.write_bytes(b"x" * stat.st_size)  # were it read, it would fail
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    result = kit.land(correlation_id="two")
    assert result.status == "unchanged"
    assert result.check is not None
    assert result.check.checked_at is not None
    assert result.check.checked_at > first.pulled_at
    assert (result.check.correlation_id, result.check.rows_source, result.check.rows_seen) == ("two", 1, 1)


def test_a_failure_is_noted_beside_the_last_success(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    path = kit.write("journal,line,currency,amount,posted,text\nA,1,USD,1,,\n")
    kit.landed()
    path.unlink()
    kit.refused()
    from finance_sync.landing import object_log

    check = object_log(kit.settings, "erp", "lines").check()
    assert check.checked_at is not None
    assert check.failed_at is not None
    assert check.failed_at > check.checked_at
    assert check.error is not None
    assert "no file" in check.error
    kit.write("journal,line,currency,amount,posted,text\nA,1,USD,1,,\n")
    assert kit.land().status == "unchanged"
    assert object_log(kit.settings, "erp", "lines").check().failed_at is None


@pytest.mark.parametrize("zone", [None, "UTC"])
def test_parquet_is_read_from_the_window_on_and_counted_by_another_reader(
    zone: str | None, tmp_path: Path
) -> None:
    kit = Kit(
        tmp_path,
        **CURSOR,
        read={"kind": "file", "path": "x.parquet", "format": "parquet"},
        time_zone="Europe/Berlin",
    )

    def put(*rows: tuple[str, str | None]) -> None:
        frame = pl.DataFrame({"journal": [row[0] for row in rows], "changed": [row[1] for row in rows]}).with_columns(
            line=1, currency=pl.lit("USD"), amount=pl.lit("1").cast(pl.Decimal(18, 2)), posted=pl.lit(None, dtype=pl.Date),
            text=pl.lit(""), changed=pl.col("changed").str.to_datetime().dt.replace_time_zone(zone),
        )  # fmt: skip
        frame.write_parquet(kit.source / "x.parquet")

    put(("A", "2026-06-01 08:00:00"), ("B", "2026-06-01 12:00:00"))
    kit.landed()
    put(
        ("A", "2026-06-01 08:00:00"),
        ("B", "2026-06-01 12:00:00"),
        ("C", "2026-06-01 11:30:00"),
        ("D", None),
        ("E", "2026-06-01 10:59:59"),
    )
    batch = kit.landed()
    assert (batch.rows_source, batch.rows_seen, batch.rows_unchanged, batch.rows_rejected) == (3, 3, 1, 1)
    assert pl.read_parquet(batch.accepted_path)["journal"].to_list() == ["C"]


def test_a_corrected_control_file_is_looked_at_though_the_data_is_the_same(tmp_path: Path) -> None:
    kit = Kit(tmp_path, read={"kind": "file", "path": "lines.csv", "control_file": "control.csv"})
    kit.write("journal,line,currency,amount,posted,text\nA,1,USD,2.50,,\n")
    kit.write("file,rows,amount\nlines.csv,2,3.50\n", "control.csv")
    batch = kit.landed()
    total = batch.control_totals["amount"]
    assert (batch.source_statement, batch.rows_source, batch.rows_seen) == ("control_file", 2, 1)
    assert (total.source, total.seen) == (Decimal("3.50"), Decimal("2.50"))
    assert kit.land().status == "unchanged"
    kit.write("file,rows,amount\nlines.csv,1,2.5\n", "control.csv")
    result = kit.land()
    assert result.status == "unchanged"
    assert result.check is not None
    assert (result.check.rows_source, result.check.control_totals["amount"].source) == (1, Decimal("2.5"))
