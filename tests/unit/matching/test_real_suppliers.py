"""Precision and recall against pairs that were checked by hand, on real organisation data read in place.

What the sample can tell and what it cannot: docs/suppliers.md.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from finance_sync.matching import supplier_candidates
from finance_sync.matching.suppliers import DEFAULT_THRESHOLD, Candidates
from finance_sync.settings import PROJECT_ROOT

DATA = PROJECT_ROOT.parent / "shared" / "data" / "suppliers" / "csv_example_messy_input.csv"
JUDGED = Path(__file__).with_name("supplier_pairs.yaml")
NOT_COMPARED = -1

pytestmark = pytest.mark.skipif(not DATA.is_file(), reason=f"no {DATA}")


@pytest.fixture(scope="module")
def found() -> Candidates:
    table = pl.read_csv(DATA, infer_schema_length=0)
    records = table.select(
        source_system="Source",
        supplier_code="Id",
        supplier_name="Site name",
        address="Address",
        postal_code="Zip",
    )
    started = time.perf_counter()
    result = supplier_candidates(records, least=0, workers=2)
    assert time.perf_counter() - started < 60
    assert result.records.height == 3337
    return result


@pytest.fixture(scope="module")
def judged(found: Candidates) -> list[tuple[int, bool, float]]:
    """Per judged pair: its score, whether it is the same, and how many pairs of its stratum it stands for."""
    sample: dict[str, Any] = yaml.safe_load(JUDGED.read_text(encoding="utf-8"))
    codes = found.records.select("row", "supplier_code")
    scores = {
        frozenset((left, right)): score
        for left, right, score in found.pairs.join(codes, left_on="left", right_on="row")
        .join(codes, left_on="right", right_on="row", suffix="_right")
        .select("supplier_code", "supplier_code_right", "score")
        .iter_rows()
    }
    weights = {name: pairs / drawn for name, (pairs, drawn) in sample["strata"].items()}
    return [
        (
            scores.get(frozenset((str(pair["left"]), str(pair["right"]))), NOT_COMPARED),
            pair["same"],
            weights[pair["stratum"]],
        )
        for pair in sample["pairs"]
    ]


def measured(judged: list[tuple[int, bool, float]], threshold: int, *, weighted: bool) -> tuple[int, int]:
    """Precision and recall in per cent, of the sample as it is or weighted to the pairs that it was drawn from."""
    rows = [(score, same, weight if weighted else 1) for score, same, weight in judged]
    right = sum(weight for score, same, weight in rows if same and score >= threshold)
    proposed = sum(weight for score, _, weight in rows if score >= threshold)
    return round(100 * right / proposed), round(100 * right / sum(weight for _, same, weight in rows if same))


def test_the_sample_is_200_pairs_of_every_stratum(judged: list[tuple[int, bool, float]]) -> None:
    sample = yaml.safe_load(JUDGED.read_text(encoding="utf-8"))
    assert len({frozenset((pair["left"], pair["right"])) for pair in sample["pairs"]}) == len(judged) == 200
    drawn = {name: sum(pair["stratum"] == name for pair in sample["pairs"]) for name in sample["strata"]}
    assert drawn == {name: counts[1] for name, counts in sample["strata"].items()}
    assert {frozenset(pair) for pair in sample["pairs"]} == {
        frozenset(("left", "right", "stratum", "same", "why"))
    }


# threshold: (precision, recall) of the sample, (precision, recall) weighted by stratum; per cent. The table of docs/suppliers.md.
EXPECTED = {
    60: ((79, 98), (92, 95)),
    65: ((91, 94), (97, 94)),
    70: ((96, 83), (99, 90)),
    75: ((99, 69), (100, 85)),
    80: ((98, 49), (100, 81)),
    90: ((100, 25), (100, 73)),
}


@pytest.mark.parametrize("threshold", EXPECTED)
def test_precision_and_recall(judged: list[tuple[int, bool, float]], threshold: int) -> None:
    """A change of the score that moves these figures is a decision: the table of the documentation moves with it."""
    figures = tuple(measured(judged, threshold, weighted=weighted) for weighted in (False, True))
    print(f"threshold {threshold}: precision, recall {figures[0]}, weighted {figures[1]}")
    assert figures == EXPECTED[threshold]


def test_the_usual_threshold_proposes_little_that_is_wrong(judged: list[tuple[int, bool, float]]) -> None:
    assert DEFAULT_THRESHOLD in EXPECTED
    precision, recall = measured(judged, DEFAULT_THRESHOLD, weighted=True)
    assert precision >= 98
    assert recall >= 90


def test_clusters_of_the_real_data(found: Candidates) -> None:
    """Every member is linked to its centre by a pair of its own at or above the threshold: nothing was chained in."""
    links = found.pairs.filter(pl.col("score") >= DEFAULT_THRESHOLD)
    both = pl.concat([links.select("left", "right"), links.select(left="right", right="left")])
    members = found.clusters.filter(pl.col("row") != pl.col("centre"))
    assert members.join(both, left_on=["row", "centre"], right_on=["left", "right"], how="anti").is_empty()
    sizes = found.clusters.group_by("cluster").len()["len"]
    print(
        f"{found.clusters.height} of {found.records.height} records in {len(sizes)} clusters, largest {sizes.max()}"
    )
    assert found.clusters["row"].is_unique().all()
    assert sizes.min() == 2
