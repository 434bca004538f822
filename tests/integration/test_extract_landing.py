"""Landing under hard conditions: killed at any moment, many pages, many objects at once, and dlt on either side."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from finance_sync.extract import pull as pull_module
from finance_sync.extract import table_files, text_files
from finance_sync.extract.resources import ResourcePull, resource_of
from finance_sync.landing import list_batches
from tests.landing_kit import CHANGED, Kit, identity_holds

PARQUET = {"kind": "file", "path": "lines.parquet", "format": "parquet"}
CURSOR: dict[str, Any] = {
    "delta": {"mode": "cursor", "cursor": "changed", "lookback": "1 hours"},
    "fields": CHANGED,
    "read": PARQUET,
}


def _lines(rows: int, start: int = 0) -> pl.DataFrame:
    n = pl.int_range(start, start + rows, eager=True).alias("n").to_frame()
    return n.select(
        journal=pl.format("J{}", "n"), line=pl.lit(1, dtype=pl.Int64), currency=pl.lit("USD"),
        amount=(pl.col("n") % 1000).cast(pl.Decimal(18, 2)), posted=pl.lit("2026-01-31").str.to_date(), text=pl.format("text {}", pl.col("n") % 7),
        changed=pl.datetime(2026, 1, 1) + pl.duration(seconds=pl.col("n")),
    )  # fmt: skip


CHILD = """
import sys
from pathlib import Path
from tests.integration.test_extract_landing import CURSOR
from tests.landing_kit import Kit
kit = Kit(Path(sys.argv[1]), **CURSOR, settings={"threads": 1})
print("ready", flush=True)
result = kit.land()
print(result.status, result.error, flush=True)
"""


@pytest.mark.slow
def test_killed_at_any_moment_the_next_run_makes_it_whole(tmp_path: Path) -> None:
    """Kill -9 at ten moments from the start of the work to after its end; then the log equals one of an undisturbed run."""
    root = Path(__file__).parents[2]
    calm = Kit(tmp_path / "calm", **CURSOR)
    _lines(400_000).write_parquet(calm.source / "lines.parquet")
    began = time.monotonic()
    calm.landed()
    whole = time.monotonic() - began
    wanted = calm.state().drop("_batch_id", "_batch_seq")
    chance = random.Random(4)
    left_garbage = 0
    for number in range(10):
        kit = Kit(tmp_path / f"kill{number}", **CURSOR)
        os.link(calm.source / "lines.parquet", kit.source / "lines.parquet")
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path / f"kill{number}")],
            cwd=root,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(root)},
        )
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        if number:
            time.sleep(chance.uniform(0, 1.3) * whole)
        else:  # one comes in the middle for sure, however fast the machine is today
            while child.poll() is None and not any((kit.settings.home / "landing").rglob("_tmp/*")):
                time.sleep(0.001)
        child.send_signal(signal.SIGKILL)
        child.wait()
        left_garbage += (
            any((kit.settings.home / "landing").rglob("_tmp/*")) if kit.settings.home.exists() else 0
        )
        assert len(kit.batches) <= 1, "a whole batch or none"
        assert kit.land().status in {"landed", "unchanged"}
        assert kit.state().drop("_batch_id", "_batch_seq").equals(wanted)
        assert not list((kit.settings.home / "landing").rglob("_tmp/*"))
        assert [batch.batch_id for batch in kit.batches] == [batch.batch_id for batch in calm.batches], (
            "the same pull, the same batch"
        )
    assert left_garbage, "some kill must have come in the middle, or this test shows nothing"


@pytest.mark.parametrize("mode", ["cursor", "snapshot", "full"])
def test_many_pages_give_what_one_page_gives(
    mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Duplicates across pages, rejects on several pages, a delta, a deletion: the page size changes nothing."""
    first = _lines(5_000)
    doubled = pl.concat(
        [
            first,
            first.slice(10, 5),
            first.slice(20, 1).with_columns(amount=pl.lit("7", dtype=pl.String).cast(pl.Decimal(18, 2))),
        ]
    )
    bad = doubled.with_columns(
        currency=pl.when(pl.col("journal").is_in(["J40", "J4000"])).then(pl.lit("ZZZ")).otherwise("currency")
    )
    second = pl.concat([bad.filter(pl.col("journal") != "J30"), _lines(50, 6_000)])
    delta: dict[str, Any] = CURSOR["delta"] if mode == "cursor" else {"mode": mode}
    seen = []
    for size in (1_000, 1_000_000):
        for module in (pull_module, table_files, text_files):
            monkeypatch.setattr(module, "PAGE_ROWS", size)
        kit = Kit(tmp_path / str(size), fields=CHANGED, read=PARQUET, delta=delta)
        figures = []
        for frame in (bad, second):
            frame.write_parquet(kit.source / "lines.parquet", row_group_size=500)
            batch = kit.landed()
            assert identity_holds(batch)
            figures.append(batch.model_dump(exclude={"pulled_at", "hashes", "folder"}))
            rejected = (
                pl.read_parquet(batch.rejected_path)["_record_no"]
                if batch.rows_rejected
                else pl.Series([], dtype=pl.Int64)
            )
            assert rejected.n_unique() == batch.rows_rejected
        seen.append((figures, kit.state().drop("_batch_id")))
    assert seen[0][0] == seen[1][0]
    assert seen[0][1].equals(seen[1][1])
    assert (figures[0]["rows_accepted"], figures[0]["rows_rejected"], figures[0]["rows_superseded"]) == (
        4_997,
        4,
        5,
    )


def test_any_dlt_resource_can_be_landed_and_any_object_is_one(tmp_path: Path) -> None:
    dlt = pytest.importorskip("dlt")

    @dlt.resource
    def lines() -> Any:
        yield [
            {
                "journal": "A",
                "line": 1,
                "currency": "USD",
                "amount": Decimal("1.50"),
                "posted": "2026-01-31",
                "text": None,
                "more": {"x": [1]},
            }
        ]
        yield {"journal": "A", "line": 2, "currency": "USD", "amount": "2.505", "posted": None, "text": "t"}
        yield pl.DataFrame(
            {
                "journal": ["B"],
                "line": [1],
                "currency": ["USD"],
                "amount": ["3"],
                "posted": [None],
                "text": ["u"],
            }
        ).to_arrow()

    kit = Kit(tmp_path)
    batch = kit.landed(pull=ResourcePull(lines, "erp.lines"))
    assert (batch.rows_accepted, batch.rows_rejected, batch.source_statement) == (2, 1, "none")
    assert kit.state()["_extra_more"].to_list() == ['{"x": [1]}', None]
    assert kit.land(pull=ResourcePull(lines, "erp.lines")).status == "unchanged"
    floats = ResourcePull(
        [{"journal": "A", "line": 1, "currency": "USD", "amount": 1.5, "posted": None, "text": None}],
        "erp.lines",
    )
    assert "binary floats" in str(kit.land(pull=floats).error)
    assert "neither a record nor a table" in _refused_item()

    kit.write("journal,line,currency,amount,posted,text\nA,1,USD,1.50,,\n")
    tables = list(resource_of(kit.settings, kit.system, "lines"))
    assert [table.to_pylist() for table in tables] == [
        [{"journal": "A", "line": "1", "currency": "USD", "amount": "1.50", "posted": "", "text": ""}]
    ]


def _refused_item() -> str:
    from finance_sync.errors import SourceError

    with pytest.raises(SourceError) as caught:
        ResourcePull([42], "erp.lines")
    return str(caught.value)


def test_the_hot_path_does_not_import_dlt() -> None:
    code = "import sys, finance_sync.landing, finance_sync.extract; sys.exit('dlt' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode
        == 0
    )


DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.mark.skipif(not DATA.exists(), reason=f"real data is not at {DATA}")
@pytest.mark.parametrize(
    ("folder", "variable", "sub", "expected"),
    [
        ("adventureworks", "ADVENTUREWORKS_DIR", "adventureworks", {
            "purchasing.order_header": (4_012, {"sub_total": "63791994.838"}), "purchasing.order_line": (8_845, {"line_total": "63791994.838"}),
            "finance.actual": (34_563, {}), "finance.budget": (4_846, {}),
        }),
        ("okc", "OKC_DIR", "okc", {
            "budget.budget_detail": (4_500, {"adopted": "1130041489", "amendments": "18224857", "amended": "1148266346"}),
        }),
    ],
)  # fmt: skip
def test_real_data_lands_whole(
    folder: str, variable: str, sub: str, expected: dict[str, tuple[int, dict[str, str]]], tmp_path: Path
) -> None:
    from finance_sync.catalog import load_deployment
    from finance_sync.landing import land_system
    from finance_sync.settings import load_settings

    settings = load_settings(
        home=tmp_path,
        deployment=Path(__file__).parents[1] / "deployments" / folder,
        sources={variable: str(DATA / sub)},
    )
    deployment = load_deployment(settings)
    for system in deployment.systems:
        results = land_system(settings, deployment, system)
        assert all(result.status == "landed" for result in results), results
    for name, (rows, totals) in expected.items():
        (batch,) = list_batches(settings, *name.split("."))
        assert (batch.rows_source, batch.rows_accepted, batch.rows_rejected) == (rows, rows, 0)
        for field, value in totals.items():
            total = batch.control_totals[field]
            assert total.accepted == Decimal(value)
            assert folder != "okc" or total.source == Decimal(value), "the file's own grand total agrees"
