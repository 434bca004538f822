"""Broken input, as a user meets it: a clear message, nothing lost, the rest of the run goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from finance_sync.warehouse.publish import read_published
from tests.e2e.support import finance_sync, settings_of

TINY = Path(__file__).parent.parent / "deployments" / "tiny"


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text, f"{old!r} is not in {path}"
    path.write_text(text.replace(old, new, 1))


@dataclass(frozen=True)
class Rejected:
    """A record that must be rejected: what breaks, and the words of its message."""

    breaks: Callable[[Path], None]
    code: str
    words: tuple[str, ...]
    records: int = 1


@dataclass(frozen=True)
class Stopped:
    """An object that must stop: what breaks, and the words of its message."""

    breaks: Callable[[Path], None]
    words: tuple[str, ...]


LINES = "sources/erp/gl_line.csv"
FIRST_AMOUNT = "90.00"

REJECTED = {
    "text in an amount": Rejected(
        lambda at: _edit(at / LINES, FIRST_AMOUNT, "ten thousand"),
        "not_a_number",
        ("erp", "gl_line", "amount", "'ten thousand'"),
    ),
    "a third decimal in a two-decimal currency": Rejected(
        lambda at: _edit(at / LINES, FIRST_AMOUNT, "1000000.005"),
        "too_many_decimals",
        ("erp", "gl_line", "amount", "1000000.005", "EUR"),
    ),
}

STOPPED = {
    "a missing column": Stopped(
        lambda at: _edit(at / LINES, "amount", "amonut"), ("erp", "gl_line", "amount", "amonut")
    ),
    "an empty file": Stopped(lambda at: (at / LINES).write_bytes(b"") and None, ("erp", "gl_line", "empty")),
    "a file that is not what it says": Stopped(
        lambda at: (at / LINES).write_bytes(b"PK\x03\x04" + bytes(range(256)) * 8) and None,
        ("erp", "gl_line", "gl_line.csv"),
    ),
    "a file that is not there": Stopped(lambda at: (at / LINES).unlink(), ("erp", "gl_line", "gl_line.csv")),
}


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A copy of the smallest deployment with its sources, to be broken."""
    return Path(shutil.copytree(TINY, tmp_path / "tiny"))


def _run(tiny: Path, expect: int | None) -> str:
    return finance_sync(
        "run",
        home=tiny.parent / "home",
        expect=expect,
        deployment=tiny,
        sources=json.dumps({"TINY_DIR": str(tiny / "sources")}),
    )


def _manifest(tiny: Path, system: str, name: str) -> dict[str, object]:
    found = sorted((tiny.parent / "home" / "landing" / system / name).glob("0*/manifest.json"))
    value: dict[str, object] = json.loads(found[-1].read_text())
    return value


@pytest.mark.parametrize("case", REJECTED.values(), ids=REJECTED.keys())
def test_a_broken_record_is_kept_aside(tiny: Path, case: Rejected) -> None:
    """The record is in rejected.parquet and an exception of C01; the other records are in the books; the run ends well."""
    case.breaks(tiny)
    _run(tiny, expect=0)
    manifest = _manifest(tiny, "erp", "gl_line")
    lines = len((tiny / LINES).read_text().splitlines()) - 1
    assert (manifest["rows_accepted"], manifest["rows_rejected"]) == (lines - case.records, case.records)
    found = read_published(
        settings_of(tiny.parent / "home"),
        "select message from mart_exceptions where control_id = 'C01' and reason_code = 'rejected_record'",
    )["message"].to_pylist()
    assert len(found) == case.records
    for word in case.words:
        assert word in found[0], found[0]
    mended = tiny.parent / "home" / "landing"
    rejected = list(mended.glob("erp/gl_line/0*/rejected.parquet"))
    import polars as pl

    kept = pl.read_parquet(rejected)
    assert kept["reject_reason"].to_list() == [case.code] * case.records


@pytest.mark.parametrize("case", STOPPED.values(), ids=STOPPED.keys())
def test_a_broken_object_stops_alone(tiny: Path, case: Stopped) -> None:
    """The object fails with its message; the run goes on, publishes what there is, and ends with 2."""
    case.breaks(tiny)
    output = _run(tiny, expect=2)
    folded = " ".join(output.split())
    for word in case.words:
        assert word in folded, output
    cells = read_published(
        settings_of(tiny.parent / "home"), "select count(*) as n from mart_budget_vs_actual"
    )
    assert cells["n"][0].as_py() > 0


def test_a_date_outside_every_period_is_an_exception(tiny: Path) -> None:
    text = (tiny / LINES).read_text()
    header, first, *rest = text.splitlines()
    date = next(part for part in first.split(",") if part.count("-") == 2 and part[:2] == "20")
    (tiny / LINES).write_text("\n".join([header, first.replace(date, "2055-01-31"), *rest]) + "\n")
    _run(tiny, expect=0)
    found = read_published(
        settings_of(tiny.parent / "home"),
        "select reason_code, status, fiscal_period_id from mart_exceptions where control_id = 'C18'",
    ).to_pylist()
    assert found == [
        {"reason_code": "date_outside_calendar", "status": "period", "fiscal_period_id": "UNMAPPED"}
    ]


def test_a_duplicate_key_is_never_settled_by_order(tiny: Path) -> None:
    text = (tiny / LINES).read_text()
    first = text.splitlines()[1]
    (tiny / LINES).write_text(text.rstrip("\n") + "\n" + first.replace(FIRST_AMOUNT, "2000.00") + "\n")
    _run(tiny, expect=0)
    manifest = _manifest(tiny, "erp", "gl_line")
    assert manifest["rows_rejected"] == 2
    import polars as pl

    kept = pl.read_parquet(list((tiny.parent / "home" / "landing").glob("erp/gl_line/0*/rejected.parquet")))
    assert kept["reject_reason"].to_list() == ["duplicate_key"] * 2


def test_an_unknown_currency_is_rejected(tiny: Path) -> None:
    """The budget's currency becomes a column with a currency that ISO 4217 does not know."""
    _edit(tiny / "systems/plan.yaml", "amount: {type: amount, currency: EUR, required: true}",
          "currency: {type: currency, required: true}\n      amount: {type: amount, currency: currency, required: true}")  # fmt: skip
    path = tiny / "sources/plan/budget.csv"
    header, *rows = path.read_text().splitlines()
    path.write_text(
        "\n".join([header + ",currency", *(row + ",EUR" for row in rows[:-1]), rows[-1] + ",EURO"]) + "\n"
    )
    _run(tiny, expect=0)
    manifest = _manifest(tiny, "plan", "budget")
    assert (manifest["rows_accepted"], manifest["rows_rejected"]) == (len(rows) - 1, 1)
    message = read_published(
        settings_of(tiny.parent / "home"), "select message from mart_exceptions where control_id = 'C01'"
    )["message"]
    assert "'EURO'" in message[0].as_py()


def test_an_unreachable_database_stops_its_system_only(tiny: Path) -> None:
    _edit(tiny / "systems/erp.yaml", 'connection: {kind: files, url: "${TINY_DIR}/erp"}',
          'connection: {kind: sql, url: "postgresql://me:topsecret@127.0.0.1:1/books"}')  # fmt: skip
    text = (tiny / "systems/erp.yaml").read_text()
    for name in ("account", "cost_center", "gl_line"):
        text = text.replace(f"read: {{kind: file, path: {name}.csv}}", f"read: {{kind: sql, table: {name}}}")
    (tiny / "systems/erp.yaml").write_text(text)
    output = _run(tiny, expect=2)
    assert "127.0.0.1" in output
    assert "topsecret" not in output
    assert _manifest(tiny, "plan", "budget")["rows_accepted"]


def test_a_typo_in_yaml_is_found_before_anything_runs(tiny: Path) -> None:
    _edit(tiny / "systems/plan.yaml", "feeds:", "feds:")
    output = " ".join(_run(tiny, expect=2).split())
    for word in ("plan.yaml", "line", "feds", "feeds"):
        assert word in output
    assert not (tiny.parent / "home" / "landing").exists()
