"""Broken input, as a user meets it: a clear message, nothing lost, the rest of the run goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from finance_sync.warehouse.publish import read_published
from tests.e2e.support import finance_sync, settings_of

TINY = Path(__file__).parent.parent / "deployments" / "tiny"


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text, f"{old!r} is not in {path}"
    path.write_text(text.replace(old, new, 1))


LINES = "sources/erp/gl_line.csv"
HOME = "home"

# What breaks, and the words that its message must have.
STOPPED: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "a missing column": (
        lambda at: _edit(at / LINES, "amount", "amonut"),
        ("erp", "gl_line", "'amount'", "amonut"),
    ),
    "an empty file": (lambda at: (at / LINES).write_bytes(b""), ("erp", "gl_line", "empty")),
    "a file that is not what it says": (
        lambda at: (at / LINES).write_bytes(b"PK\x03\x04" + bytes(range(256)) * 8),
        ("erp", "gl_line", "gl_line.csv"),
    ),
    "a file that is not there": (lambda at: (at / LINES).unlink(), ("erp", "gl_line", "gl_line.csv")),
}

BROKEN_LINES = """journal,line,posted_on,company,center,account,amount
J1,1,2026-01-15,T1,C1,6000,90.00
J1,2,2026-01-15,T1,,1000,-90.00
J2,1,2026-02-15,T1,C1,6000,120.00
J2,2,2026-02-15,T1,,1000,-120.00
J3,1,2026-02-16,T1,C1,6000,ten thousand
J4,1,2026-02-16,T1,C1,6000,1000000.005
J5,1,2055-01-31,T1,C1,6000,7.00
J5,2,2055-01-31,T1,,1000,-7.00
J6,1,2026-02-17,T1,C1,6000,1.00
J6,1,2026-02-17,T1,C1,6000,2.00
"""
REJECTED = {
    "J3|1": ("not_a_number", "amount", "'ten thousand'"),
    "J4|1": ("too_many_decimals", "EUR", "1000000.005"),
    "J6|1": ("duplicate_key", "journal", "J6"),
}


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A copy of the smallest deployment with its sources, to be broken."""
    return Path(shutil.copytree(TINY, tmp_path / "tiny"))


def _do(command: str, tiny: Path, expect: int | None) -> str:
    sources = json.dumps({"TINY_DIR": str(tiny / "sources")})
    printed = finance_sync(command, home=tiny.parent / HOME, expect=expect, deployment=tiny, sources=sources)
    return " ".join(printed.split())


def _batch(tiny: Path, system: str, name: str) -> Path:
    return max((tiny.parent / HOME / "landing" / system / name).glob("0*"))


def _manifest(tiny: Path, system: str, name: str) -> dict[str, object]:
    value: dict[str, object] = json.loads((_batch(tiny, system, name) / "manifest.json").read_text())
    return value


@pytest.mark.parametrize(("breaks", "words"), STOPPED.values(), ids=STOPPED.keys())
def test_a_broken_object_stops_alone(
    tiny: Path, breaks: Callable[[Path], object], words: tuple[str, ...]
) -> None:
    """The object fails with its message; all others land."""
    breaks(tiny)
    printed = _do("land", tiny, expect=2)
    for word in words:
        assert word in printed, printed
    assert not list((tiny.parent / HOME / "landing" / "erp" / "gl_line").glob("0*"))
    assert _manifest(tiny, "plan", "budget")["rows_accepted"] == 3
    assert _manifest(tiny, "erp", "account")["rows_accepted"] == 2


def test_a_night_with_an_object_down_publishes_the_rest(tiny: Path) -> None:
    (tiny / LINES).unlink()
    assert "gl_line.csv" in _do("run", tiny, expect=2)
    cells = read_published(
        settings_of(tiny.parent / HOME), "select sum(budget_functional) as budget from mart_budget_vs_actual"
    )
    assert str(cells["budget"][0].as_py()) == "300.0000"


def test_broken_records_are_kept_aside_and_become_exceptions(tiny: Path) -> None:
    """Text in an amount, a third decimal, a key twice: rejected with reason and payload. A date outside every period: an exception."""
    (tiny / LINES).write_text(BROKEN_LINES)
    _do("run", tiny, expect=0)
    manifest = _manifest(tiny, "erp", "gl_line")
    assert (manifest["rows_seen"], manifest["rows_accepted"], manifest["rows_rejected"]) == (10, 6, 4)

    kept = pl.read_parquet(_batch(tiny, "erp", "gl_line") / "rejected.parquet")
    found = {
        key: (code, message)
        for key, code, message in kept.select("record_key", "reject_reason", "message").iter_rows()
    }
    assert set(found) == set(REJECTED)
    for key, (code, *words) in REJECTED.items():
        assert found[key][0] == code
        for word in ("erp", "gl_line", *words):
            assert word in found[key][1], found[key][1]
    assert any("1000000.005" in payload for payload in kept["payload"])

    settings = settings_of(tiny.parent / HOME)
    exceptions = read_published(
        settings, "select control_id, reason_code, count(*) as n from mart_exceptions group by all"
    ).to_pylist()
    counted = {(row["control_id"], row["reason_code"]): row["n"] for row in exceptions}
    assert counted["C01", "rejected_record"] == 3
    assert counted["C18", "date_outside_calendar"] == 2
    placed = read_published(
        settings,
        "select distinct fiscal_period_id from mart_exceptions where reason_code = 'date_outside_calendar'",
    )
    assert placed["fiscal_period_id"].to_pylist() == ["UNMAPPED"]
    booked = read_published(
        settings, "select sum(amount_functional) as total, sum(row_count) as n from mart_ledger_balance"
    ).to_pylist()
    assert str(booked[0]["total"]) == "0.0000"
    assert booked[0]["n"] == 6


def test_an_unknown_currency_is_rejected(tiny: Path) -> None:
    """The budget's currency becomes a column, and ISO 4217 does not know one of its values."""
    _edit(tiny / "systems/plan.yaml", "amount: {type: amount, currency: EUR, required: true}",
          "currency: {type: currency, required: true}\n      amount: {type: amount, currency: currency, required: true}")  # fmt: skip
    path = tiny / "sources/plan/budget.csv"
    header, *rows = path.read_text().splitlines()
    path.write_text(
        "\n".join([header + ",currency", *(row + ",EUR" for row in rows[:-1]), rows[-1] + ",EURO"]) + "\n"
    )
    _do("land", tiny, expect=0)
    manifest = _manifest(tiny, "plan", "budget")
    assert (manifest["rows_accepted"], manifest["rows_rejected"]) == (len(rows) - 1, 1)
    kept = pl.read_parquet(_batch(tiny, "plan", "budget") / "rejected.parquet")
    assert kept["reject_reason"].to_list() == ["unknown_currency"]
    assert "'EURO'" in kept["message"][0]


def test_an_unreachable_database_stops_its_system_only(tiny: Path) -> None:
    _edit(tiny / "systems/erp.yaml", 'connection: {kind: files, url: "${TINY_DIR}/erp"}',
          'connection: {kind: sql, url: "postgresql://me:topsecret@127.0.0.1:1/books"}')  # fmt: skip
    text = (tiny / "systems/erp.yaml").read_text()
    for name in ("account", "cost_center", "gl_line"):
        text = text.replace(f"read: {{kind: file, path: {name}.csv}}", f"read: {{kind: sql, table: {name}}}")
    (tiny / "systems/erp.yaml").write_text(text)
    printed = _do("land", tiny, expect=2)
    assert "127.0.0.1" in printed
    assert "topsecret" not in printed
    assert _manifest(tiny, "plan", "budget")["rows_accepted"] == 3


def test_a_typo_in_yaml_is_found_before_anything_runs(tiny: Path) -> None:
    _edit(tiny / "systems/plan.yaml", "feeds:", "feds:")
    printed = _do("run", tiny, expect=2)
    for word in ("plan.yaml:13", "feds", "feeds"):
        assert word in printed
    assert not (tiny.parent / HOME / "landing").exists()
