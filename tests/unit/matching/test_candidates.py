"""Candidate pairs, their scores and reasons, clusters and their guard, and the crosswalk rows proposed."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from finance_sync.cli_suppliers import find_candidates
from finance_sync.matching import (
    candidate_pairs,
    crosswalk_proposals,
    prepare_suppliers,
    propose_clusters,
    supplier_candidates,
)

PLACE = {"address": "12 Mill Lane", "postal_code": "60601"}


def suppliers(*rows: dict[str, Any]) -> pl.DataFrame:
    """Records numbered c0, c1, ... of one system, unless said otherwise."""
    names = ("source_system", "supplier_code", "supplier_id", "supplier_name", "tax_id", "bank_account", "address",
             "postal_code", "city", "country_code")  # fmt: skip
    given = [
        {"source_system": "erp", "supplier_code": f"c{number}", **row} for number, row in enumerate(rows)
    ]
    return pl.DataFrame(
        [{name: row.get(name) for name in names} for row in given], schema=dict.fromkeys(names, pl.String)
    )


def judged(first: dict[str, Any], second: dict[str, Any]) -> tuple[int, list[str]]:
    """Score and reasons of two records, which a shared bank account or tax id need not bring together."""
    # Others make the words of the names common or rare, as in a real master.
    crowd = [
        {"supplier_name": f"Filler {number} Services", "address": f"{number} Elm St"} for number in range(30)
    ]
    found = supplier_candidates(suppliers(first, second, *crowd), least=0)
    rows = dict(zip(found.records["supplier_code"], found.records["row"], strict=True))
    pair = found.pairs.filter((pl.col("left") == rows["c0"]) & (pl.col("right") == rows["c1"]))
    assert pair.height == 1
    return pair["score"][0], pair["reasons"].to_list()[0]


ALIKE = {"supplier_name": "Birch Logistics Ltd"}


@pytest.mark.parametrize(
    ("first", "second", "low", "high", "reasons"),
    [
        (ALIKE | PLACE, {"supplier_name": "BIRCH LOGISTICS"} | PLACE, 100, 100, ["same name", "same address"]),
        (ALIKE | PLACE, {"supplier_name": "Birch Logistik"} | PLACE, 85, 99, ["nearly the same name", "same address"]),
        (ALIKE | PLACE, {"supplier_name": "Birch"} | PLACE, 90, 99, ["nearly the same name", "same address"]),
        (ALIKE | PLACE, ALIKE | {"address": "99 Ocean Drive"}, 60, 69, ["same name", "different address"]),
        (ALIKE, ALIKE, 88, 88, ["same name", "no address to compare"]),
        (ALIKE | {"country_code": "US"}, ALIKE | {"country_code": "DE"}, 78, 78,
         ["same name", "no address to compare", "different countries"]),
        (ALIKE | {"tax_id": "DE 12345678", "country_code": "DE"}, {"supplier_name": "Xylo", "tax_id": "12345678"}, 95, 95,
         ["same tax id", "different name", "no address to compare"]),
        (ALIKE | PLACE | {"tax_id": "123456"}, ALIKE | PLACE | {"tax_id": "123457"}, 55, 55,
         ["different tax ids", "same name", "same address"]),
        (ALIKE | {"bank_account": "DE89 370400"}, {"supplier_name": "Xylo", "bank_account": "DE89370400"}, 88, 88,
         ["same bank account", "different name", "no address to compare"]),
        (ALIKE | {"bank_account": "123456", "tax_id": "123456"}, ALIKE | {"bank_account": "123456", "tax_id": "654321"}, 55, 55,
         ["different tax ids", "same bank account", "same name", "no address to compare"]),
    ],
)  # fmt: skip
def test_score_and_reasons(
    first: dict[str, Any], second: dict[str, Any], low: int, high: int, reasons: list[str]
) -> None:
    score, said = judged(first, second)
    assert low <= score <= high
    assert said == reasons


def test_a_placeholder_shared_by_many_makes_no_pairs() -> None:
    crowd = [{"supplier_name": f"Firm{number}x", "tax_id": "123456789"} for number in range(10)]
    blocks = candidate_pairs(prepare_suppliers(suppliers(*crowd)), max_block=9)
    assert blocks.pairs.is_empty()
    assert blocks.too_large == {"tax_key": 1}
    assert candidate_pairs(prepare_suppliers(suppliers(*crowd)), max_block=10).pairs.height == 45


def test_what_is_one_supplier_already_is_no_candidate() -> None:
    mapped = [
        ALIKE | {"supplier_id": "V1"},
        ALIKE | {"supplier_id": "V1"},
        ALIKE | {"supplier_id": "V2"},
        ALIKE,
    ]
    found = supplier_candidates(suppliers(*mapped))
    assert found.pairs.select("left", "right").rows() == [(0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]


def test_no_suppliers() -> None:
    found = supplier_candidates(suppliers())
    assert (found.pairs.height, found.clusters.height) == (0, 0)


def clustered(
    links: list[tuple[int, int]], taxes: dict[int, str] | None = None
) -> list[tuple[int, int, str]]:
    records = prepare_suppliers(
        suppliers(*({"supplier_name": f"n{n}", "tax_id": (taxes or {}).get(n)} for n in range(10)))
    )
    pairs = pl.DataFrame(
        [{"left": a, "right": b, "score": 80} for a, b in links],
        schema={"left": pl.UInt32, "right": pl.UInt32, "score": pl.Int32},
    )
    found = propose_clusters(records, pairs, threshold=80)
    return list(found.select("row", "cluster", "guard").iter_rows())


def test_clusters_do_not_chain() -> None:
    star = [(0, 1), (0, 2), (1, 2), (3, 4)]
    assert clustered(star) == [(0, 0, ""), (1, 0, ""), (2, 0, ""), (3, 3, ""), (4, 3, "")]
    # 0-1-2-3-4-5: no record stays with one that is not linked to its centre
    cut = "cut out of a chain"
    chain = [(number, number + 1) for number in range(5)]
    assert clustered(chain) == [(0, 0, cut), (1, 0, cut), (2, 0, cut), (3, 3, cut), (4, 3, cut), (5, 3, cut)]
    # 0-1-2-3: the last one has lost its only link
    assert clustered(chain[:3]) == [(0, 0, cut), (1, 0, cut), (2, 0, cut)]
    assert clustered([]) == []


def test_members_with_different_tax_ids_want_a_second_look() -> None:
    said = "its members have different tax ids"
    assert clustered([(0, 1), (0, 2)], {1: "111112", 2: "222221"}) == [
        (0, 0, said),
        (1, 0, said),
        (2, 0, said),
    ]
    assert {guard for _, _, guard in clustered([(0, 1), (0, 2)], {1: "111112", 2: "111112"})} == {""}


def test_order_of_records_does_not_matter() -> None:
    rows = [
        ALIKE | PLACE,
        {"supplier_name": "Birch Logistik"} | PLACE,
        {"supplier_name": "Dover Tools"},
        {"supplier_name": "Dover Tools"},
    ]
    frame = suppliers(*rows)
    there, back = supplier_candidates(frame), supplier_candidates(frame.reverse())
    assert there.pairs.equals(back.pairs)
    assert there.clusters.equals(back.clusters)


def test_proposed_crosswalk_rows() -> None:
    """The centre's supplier wins where it has one; a record that has another says so; a cluster without any proposes nothing."""
    rows = [
        ALIKE | PLACE | {"supplier_id": "V1", "source_system": "erp"},
        ALIKE | PLACE | {"source_system": "proc"},
        {"supplier_name": "Birch Logistik"} | PLACE | {"supplier_id": "V7", "source_system": "proc"},
        {"supplier_name": "Dover Tools", "source_system": "proc"},
        {"supplier_name": "Dover Tools", "source_system": "proc"},
    ]
    found = supplier_candidates(suppliers(*rows))
    proposed = crosswalk_proposals(found.records, found.clusters, found.pairs, valid_from=date(2026, 5, 15))
    assert proposed.columns == [
        "system", "kind", "source_code", "canonical_code", "valid_from", "valid_to", "reason", "owner",
    ]  # fmt: skip
    assert proposed.rows() == [
        ("proc", "supplier", "c1", "V1", "2026-05-15", None, "proposed, score 100: same name, same address", None),
        ("proc", "supplier", "c2", "V1", "2026-05-15", None,
         f"proposed, score {proposed['reason'][1].split()[2][:-1]}: nearly the same name, same address; until now V7", None),
    ]  # fmt: skip


def test_one_supplier_in_two_systems_is_proposed_once() -> None:
    """What is one supplier already holds its cluster together; a moved record shows its best link to the supplier it would come to."""
    rows = [
        ALIKE | {"supplier_id": "V1"} | PLACE,
        {"supplier_name": "Nothing Alike", "supplier_id": "V1", "source_system": "proc"},
        {"supplier_name": "Birch Logistik", "source_system": "proc"} | PLACE,
    ]
    found = supplier_candidates(suppliers(*rows))
    assert found.clusters.select("row", "guard").rows() == [(0, ""), (1, ""), (2, "")]
    proposed = crosswalk_proposals(found.records, found.clusters, found.pairs, valid_from=date(2026, 5, 15))
    assert proposed.select("source_code", "canonical_code").rows() == [("c2", "V1")]
    assert proposed["reason"][0].endswith(": nearly the same name, same address")
    nothing_new = supplier_candidates(suppliers(*rows[:2]))
    assert nothing_new.clusters.is_empty()


def test_filters_of_the_command() -> None:
    rows = [
        ALIKE | {"supplier_id": "V1"}, ALIKE | {"supplier_id": "V1", "source_system": "proc"},
        ALIKE | {"bank_account": "123456", "source_system": "plan"}, {"supplier_name": "Xylo", "bank_account": "12-3456"},
    ]  # fmt: skip
    frame = suppliers(*rows)

    def shown(**filters: Any) -> list[tuple[str, str]]:
        return (
            find_candidates(frame, **({"min_score": 70} | filters))
            .shown.select("left_code", "right_code")
            .rows()
        )

    assert shown() == [("c0", "c2"), ("c3", "c2")], "V1 is named once, whatever its records"
    assert shown(systems=["proc"]) == [("c2", "c1")]
    assert shown(reasons=["same bank account", "different name"]) == [("c3", "c2")]
    assert shown(min_score=89) == []
