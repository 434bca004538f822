"""The demo company: the answer key is met both ways, on two seeds and two scales, and both engines agree in every row."""

from __future__ import annotations

import contextlib
import csv
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from finance_sync.settings import Settings
from finance_sync.warehouse.publish import read_published
from finance_sync.warehouse.slices import published_files
from tests.e2e.drill_down import assert_drills_down
from tests.e2e.support import finance_sync, published_tables, rows_of, settings_of

CASES = [("7", "1"), ("7", "4"), ("20260101", "1"), ("20260101", "4")]


@pytest.mark.parametrize(("seed", "scale"), CASES)
def test_answer_key_both_ways_and_two_engines(seed: str, scale: str, tmp_path: Path) -> None:
    """One landing, two warehouses: what is found is what was planted, and DuckDB and Postgres hold the same rows."""
    home = tmp_path / "home"
    finance_sync("sandbox", "create", "--seed", seed, "--scale", scale, home=home)
    finance_sync("run", home=home)
    finance_sync("sandbox", "verify", home=home)
    if (seed, scale) != CASES[0]:
        return
    _grni_adds_up(settings_of(home))
    assert_drills_down(settings_of(home))
    everything_else(home, "duckdb")
    finance_sync("build", home=home, engine="postgres")
    finance_sync("publish", home=home, engine="postgres")
    everything_else(home, "postgres")
    assert_drills_down(settings_of(home, engine="postgres"))
    duck, post = settings_of(home), settings_of(home, engine="postgres")
    names = published_tables(home)
    assert "mart_commitment_vs_actual" in names
    for name in names:
        left, right = rows_of(duck, name), rows_of(post, name)
        assert left == right, (
            f"{name}: {len(set(left) ^ set(right))} rows differ, first {sorted(set(left) ^ set(right), key=repr)[:2]}"
        )


def _grni_adds_up(settings: Settings) -> None:
    """Every open amount is the sum of its receipts and invoices, every balance that of its postings, to the last decimal."""
    rows = read_published(settings, """
        select count(*) as lines, count(*) filter (where documents.open_txn is distinct from grni.open_txn
            or documents.open_functional is distinct from grni.open_functional) as open_off,
            count(*) filter (where postings.functional is distinct from grni.ledger_functional) as ledger_off
        from mart_grni as grni
        left join (
            select order_key, sum(amount_txn) as open_txn, sum(amount_functional) as open_functional
            from mart_grni_document where kind <> 'posting' group by order_key
        ) as documents on documents.order_key = grni.order_key
        left join (
            select order_key, sum(amount_functional) as functional from mart_grni_document where kind = 'posting' group by order_key
        ) as postings on postings.order_key = grni.order_key
        where grni.record_key is not null and grni.ledger_functional <> 0
    """).to_pylist()[0]  # fmt: skip
    assert rows["lines"] > 20
    assert (rows["open_off"], rows["ledger_off"]) == (0, 0)


def _csv_rows(printed: str, header: str) -> list[dict[str, str]]:
    """The CSV among what a command printed: messages stand before and after it."""
    lines = printed.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith(header))
    return [row for row in csv.DictReader(lines[first:]) if None not in row.values()]


def everything_else(home: Path, engine: str) -> None:
    """Commands that read the warehouse say the same on both engines: suppliers that may be one, and how much is mapped."""
    written = home / f"{engine}.csv"
    shown = finance_sync(
        "suppliers", "candidates", "-o", "csv", "--crosswalk", str(written), home=home, engine=engine
    )
    rows = _csv_rows(shown, "score,")
    pairs = {(row["left_code"], row["right_code"]): row["reasons"] for row in rows}
    assert {key: words.split(",")[0] for key, words in pairs.items()} == {
        ("V19301", "V19302"): "same tax id", ("V10041", "S-09304"): "same bank account",
        ("V10023", "S-09303"): "same name", ("V10050", "S-09305"): "similar name",
    }  # fmt: skip
    proposed = csv.DictReader(written.read_text().splitlines())
    assert {(row["source_code"], row["canonical_code"]) for row in proposed} == {
        ("V19302", "V19301"), ("S-09302", "V19301"), ("S-09303", "V10023"), ("S-09304", "V10041"), ("S-09305", "V10050"),
    }  # fmt: skip
    covered = _csv_rows(
        finance_sync("crosswalk", "coverage", "-o", "csv", home=home, engine=engine), "system,"
    )
    shares = {(row["system"], row["object"], row["kind"]): row for row in covered}
    mapped = shares["procurement", "purchase_order_line", "account"]
    assert mapped["mode"] == "mapped"
    assert 99 < float(mapped["mapped_percent"]) < 100, "three order lines carry accounts that come to nothing"
    assert shares["ledger", "journal_line", "account"]["mapped_percent"] == "100.00"


def _bytes(home: Path) -> dict[str, list[bytes]]:
    folder = home / "publish" / "current" / "marts"
    return {name: [path.read_bytes() for path in paths] for name, paths in published_files(folder).items()}


@contextlib.contextmanager
def _reader(home: Path) -> Iterator[list[tuple[int, str]]]:
    """Reads the published marts all the time; collects (rows, total) of each look. Errors fail the test."""
    seen: list[tuple[int, str]] = []
    stop = threading.Event()

    def look() -> None:
        query = "select count(*) as n, cast(sum(ytd_actual_functional) as varchar) as total from mart_commitment_vs_actual"
        while not stop.wait(0.5):
            row = read_published(settings_of(home), query).to_pylist()[0]
            seen.append((row["n"], row["total"]))

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(look)
        try:
            yield seen
        finally:
            stop.set()
        future.result()


@pytest.mark.first
def test_nights_and_reruns(tmp_path: Path) -> None:
    """Days pass: each night meets the key; a rerun with nothing new changes no byte of the marts; nights equal one big run."""
    home = tmp_path / "nights"
    finance_sync("sandbox", "create", "--seed", "11", "--scale", "0.5", home=home)
    finance_sync("run", home=home)
    for _ in range(2):
        finance_sync("sandbox", "advance", home=home)
        with _reader(home) as seen:
            finance_sync("run", home=home)
        finance_sync("sandbox", "verify", home=home)
        # A reader during the run saw the last good state, then the new one, and never anything between.
        assert len(seen) > 2
        assert sorted(set(seen), key=seen.index) in ([seen[0]], [seen[0], seen[-1]])

    before = _bytes(home)
    link = (home / "publish" / "current").resolve()
    assert "stand as they were, nothing new for them" in finance_sync("run", home=home)
    assert (home / "publish" / "current").resolve() == link
    assert _bytes(home) == before

    # The same batches in a new warehouse, all at once.
    incremental = {name: rows_of(settings_of(home), name) for name in published_tables(home)}
    finance_sync("build", "--full-refresh", home=home)
    finance_sync("publish", home=home)
    for name, rows in incremental.items():
        again = rows_of(settings_of(home), name)
        assert again == rows, f"{name}: {sorted(set(again) ^ set(rows), key=repr)[:3]}"
