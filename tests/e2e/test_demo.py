"""The demo company: the answer key is met both ways, on two seeds and two scales, and both engines agree in every row."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.support import finance_sync, published_tables, rows_of, settings_of

CASES = [("7", "1"), ("7", "4"), ("20260101", "1"), ("20260101", "4")]


@pytest.mark.parametrize(("seed", "scale"), CASES)
def test_answer_key_both_ways_and_two_engines(seed: str, scale: str, tmp_path: Path) -> None:
    """One landing, two warehouses: what is found is what was planted, and DuckDB and Postgres hold the same rows."""
    home = tmp_path / "home"
    finance_sync("sandbox", "create", "--seed", seed, "--scale", scale, home=home)
    finance_sync("run", home=home)
    finance_sync("sandbox", "verify", home=home)
    if scale != "1":
        return
    finance_sync("build", home=home, engine="postgres")
    finance_sync("publish", home=home, engine="postgres")
    duck, post = settings_of(home), settings_of(home, engine="postgres")
    names = published_tables(home)
    assert "mart_commitment_vs_actual" in names
    for name in names:
        left, right = rows_of(duck, name), rows_of(post, name)
        assert left == right, (
            f"{name}: {len(set(left) ^ set(right))} rows differ, first {sorted(set(left) ^ set(right), key=repr)[:2]}"
        )


def test_nights_and_reruns(tmp_path: Path) -> None:
    """Days pass: each night meets the key; a rerun with nothing new changes no byte of the marts; nights equal one big run."""
    home = tmp_path / "nights"
    finance_sync("sandbox", "create", "--seed", "11", "--scale", "0.5", home=home)
    finance_sync("run", home=home)
    for _ in range(3):
        finance_sync("sandbox", "advance", home=home)
        finance_sync("run", home=home)
        finance_sync("sandbox", "verify", home=home)

    before = {path.name: path.read_bytes() for path in (home / "publish" / "current" / "marts").iterdir()}
    link = (home / "publish" / "current").resolve()
    finance_sync("run", home=home)
    assert (home / "publish" / "current").resolve() == link
    assert {
        path.name: path.read_bytes() for path in (home / "publish" / "current" / "marts").iterdir()
    } == before

    # The same batches in a new warehouse, all at once.
    incremental = {name: rows_of(settings_of(home), name) for name in published_tables(home)}
    finance_sync("build", "--full-refresh", home=home)
    finance_sync("publish", home=home)
    for name, rows in incremental.items():
        again = rows_of(settings_of(home), name)
        assert again == rows, f"{name}: {sorted(set(again) ^ set(rows), key=repr)[:3]}"
