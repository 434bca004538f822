"""The batch log: whole batches or none, one writer per object, damage that is named, and the tables made of it."""

from __future__ import annotations

import json
import multiprocessing
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import fsspec
import polars as pl
import pytest

from finance_sync.errors import LandingError
from finance_sync.landing import Batch, land_system, object_log, tables
from finance_sync.landing.log import ObjectLog, scan
from finance_sync.settings import Settings
from tests.landing_kit import Kit

HEAD = "journal,line,currency,amount,posted,text\n"


def test_a_batch_holds_what_the_manifest_says(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.write(HEAD + "A,1,USD,1.50,2026-01-31,x\nA,2,USD,bad,,\n")
    batch = kit.landed(correlation_id="run-7")
    folder = Path(batch.folder)
    assert folder == kit.settings.home / "landing" / "erp" / "lines" / batch.batch_id
    assert sorted(path.name for path in folder.iterdir()) == [
        "accepted.parquet",
        "manifest.json",
        "rejected.parquet",
    ]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["control_totals"]["amount"] == {
        "source": None, "seen": "1.5000", "accepted": "1.5000", "rejected": "0", "unchanged": "0", "superseded": "0"
    }  # fmt: skip
    assert (manifest["correlation_id"], manifest["source_statement"], manifest["rows_source"]) == (
        "run-7",
        "recount",
        2,
    )
    assert set(manifest["hashes"]) == {"accepted", "rejected", "content"}
    frame = pl.read_parquet(batch.accepted_path)
    assert frame.schema == {
        "journal": pl.String, "line": pl.Int64, "currency": pl.String, "amount": pl.Decimal(18, 4), "posted": pl.Date,
        "text": pl.String, "_batch_id": pl.String, "_batch_seq": pl.Int64, "_row_hash": pl.String, "_deleted": pl.Boolean,
    }  # fmt: skip
    assert kit.batches == [batch]


def test_the_same_pull_onto_the_same_log_is_the_same_batch(tmp_path: Path) -> None:
    ids = set()
    for name in ("one", "two"):
        kit = Kit(tmp_path / name)
        kit.write(HEAD + "A,1,USD,1.50,2026-01-31,x\n")
        ids.add(kit.landed().batch_id)
    assert len(ids) == 1


def test_what_a_killed_run_left_is_no_batch_and_goes(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.write(HEAD + "A,1,USD,1,,\n")
    aside = kit.settings.home / "landing" / "erp" / "lines" / "_tmp" / "abc"
    aside.mkdir(parents=True)
    (aside / "accepted.parquet").write_bytes(b"half")
    assert kit.batches == []
    kit.landed()
    assert not aside.parent.exists()


def test_a_check_record_that_cannot_be_read_is_made_anew(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.write(HEAD + "A,1,USD,1,,\n")
    kit.landed()
    (kit.settings.home / "landing" / "erp" / "lines" / "_checks" / "last.json").write_text("{")
    result = kit.land()
    assert result.status == "unchanged"
    assert result.check is not None
    assert result.check.rows_seen == 1


@pytest.mark.parametrize(
    ("damage", "words"),
    [("manifest", "is damaged"), ("missing", "has no manifest.json"), ("twice", "two batches number 1")],
)
def test_damage_is_named_and_nothing_is_written(damage: str, words: str, tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.write(HEAD + "A,1,USD,1,,\n")
    folder = Path(kit.landed().folder)
    if damage == "manifest":
        (folder / "manifest.json").write_text("{}")
    elif damage == "missing":
        (folder / "manifest.json").unlink()
    else:
        other = folder.with_name("000001-ffffffffffff")
        other.mkdir()
        (other / "manifest.json").write_text((folder / "manifest.json").read_text())
    with pytest.raises(LandingError, match=words):
        kit.batches  # noqa: B018
    assert words in kit.refused()


def _hold(kit: Kit, ready: Any, done: Any) -> None:
    with object_log(kit.settings, "erp", "lines").lock():
        ready.set()
        done.wait(20)


def test_one_run_at_a_time_lands_an_object(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.write(HEAD + "A,1,USD,1,,\n")
    context = multiprocessing.get_context("fork")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(kit, ready, done))
    other.start()
    assert ready.wait(20)
    assert "erp.lines is being landed by another run" in kit.refused()
    other.kill()  # a lock goes with its process
    other.join()
    kit.landed()


def test_the_log_can_lie_in_an_object_store(tmp_path: Path) -> None:
    store = fsspec.filesystem("memory")
    log = ObjectLog("erp", "lines", "memory://lake/erp/lines", tmp_path / "scratch")
    batch = Batch.model_validate(
        {
            "batch_id": "000001-aaaaaaaaaaaa",
            "seq": 1,
            "system": "erp",
            "object": "lines",
            "mode": "full",
            "pulled_at": "2026-01-01",
        }
    )
    store.pipe("/lake/erp/lines/000002-bbbbbbbbbbbb/accepted.parquet", b"half")
    with log.lock(), log.stage() as folder:
        log.clean()
        pl.DataFrame({"a": [1]}).write_parquet(folder / "accepted.parquet")
        log.commit(folder, batch)
    (found,) = log.batches()
    assert found.batch_id == "000001-aaaaaaaaaaaa"
    assert found.accepted_path.startswith("memory://")
    assert scan(found.accepted_path).collect()["a"].to_list() == [1]
    assert not store.exists("/lake/erp/lines/000002-bbbbbbbbbbbb")
    assert log.check().checked_at is None
    log.write_check(log.check().model_copy(update={"batch_id": "x"}))
    assert log.check().batch_id == "x"


def test_tables_of_the_log(tmp_path: Path) -> None:
    kit = Kit(tmp_path, read={"kind": "file", "path": "lines.csv", "total_row": {"journal": "", "line": ""}})
    kit.settings = kit.settings.model_copy(update={"as_of": date(2026, 2, 1)})
    kit.write(HEAD + "A,1,USD,1.50,2026-01-31,x\nA,2,USD,bad,bad,\n,,,1.50,,\n")
    first = kit.landed(correlation_id="run-7")
    kit.write(HEAD + "A,1,USD,1.50,2026-01-31,x\nA,2,USD,2,,\n,,,3.50,,\n")
    second = kit.landed()
    assert kit.land().status == "unchanged"
    made = {name: make(kit.settings, kit.deployment) for name, make in tables.TABLES.items()}
    for name, schema in {
        "batch": tables.BATCH, "batch_total": tables.BATCH_TOTAL, "check": tables.CHECK, "check_total": tables.CHECK_TOTAL,
        "rejected_record": tables.REJECTED_RECORD,
    }.items():  # fmt: skip
        assert made[name].schema == schema
    rows = made["batch"].to_pylist()
    assert [(r["batch_id"], r["batch_seq"], r["rows_source"], r["rows_seen"], r["business_date"]) for r in rows] == [
        (first.batch_id, 1, 2, 2, date(2026, 2, 1)), (second.batch_id, 2, 2, 2, date(2026, 2, 1)),
    ]  # fmt: skip
    assert [(r["total_source"], r["total_seen"], r["total_accepted"]) for r in made["batch_total"].to_pylist()] == [
        (Decimal("1.5"), Decimal("1.5"), Decimal("1.5")), (Decimal("3.5"), Decimal("3.5"), Decimal(2)),
    ]  # fmt: skip
    (check,) = made["check"].to_pylist()
    assert (check["batch_id"], check["rows_source"], check["failed_at"], check["error"]) == (
        None,
        2,
        None,
        None,
    )
    assert made["check_total"].to_pylist() == [
        {
            "system": "erp",
            "object": "lines",
            "field": "amount",
            "total_source": Decimal("3.5000"),
            "total_seen": Decimal("3.5000"),
        }
    ]
    rejected = made["rejected_record"].to_pylist()
    assert [(r["field"], r["record_key"], r["is_open"]) for r in rejected] == [
        ("amount", "A|2", False),
        ("posted", "A|2", False),
    ]


def test_one_object_that_fails_stops_no_other(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    good = kit.system.objects["lines"]
    bad = good.model_copy(update={"read": good.read.model_copy(update={"path": "missing.csv"})})
    broken = good.model_copy(update={"control_totals": ["nowhere"]})  # a defect of ours, as good as any
    system = kit.system.model_copy(update={"objects": {"bad": bad, "broken": broken, "lines": good}})
    deployment = kit.deployment.__class__(**{**kit.deployment.__dict__, "systems": {"erp": system}})
    kit.write(HEAD + "A,1,USD,1,,\n")
    told: list[str] = []
    results = land_system(
        kit.settings, deployment, "erp", on_progress=lambda result: told.append(result.object)
    )
    assert [(r.object, r.status) for r in results] == [
        ("bad", "failed"),
        ("broken", "failed"),
        ("lines", "landed"),
    ]
    assert sorted(told) == ["bad", "broken", "lines"]
    assert results[0].error is not None
    assert "no file" in results[0].error
    assert results[1].error is not None
    assert "erp.broken: " in results[1].error


def test_landing_as_a_whole_works_in_an_object_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Settings, "landing", property(lambda self: "memory://whole-lake"))
    kit = Kit(tmp_path)
    kit.write(HEAD + "A,1,USD,1,,\nB,1,USD,1,,\nC,1,USD,x,,\n")
    first = kit.landed()
    assert first.accepted_path == f"memory:///whole-lake/erp/lines/{first.batch_id}/accepted.parquet"
    assert kit.land().status == "unchanged"
    kit.write(HEAD + "A,1,USD,2,,\nC,1,USD,3,,\n")
    batch = kit.landed()
    assert (batch.rows_accepted, batch.rows_deleted, batch.rows_settled) == (2, 1, 1)
    deleted = scan(batch.accepted_path).filter(pl.col("_deleted")).collect()
    assert deleted["journal"].to_list() == ["B"]
    assert tables.rejected_table(kit.settings, kit.deployment)["is_open"].to_pylist() == [False]
    assert not (kit.settings.home / "landing").exists()
