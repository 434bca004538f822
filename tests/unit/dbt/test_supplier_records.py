"""Supplier records as dbt makes them, on both engines: the keys equal those of finance_sync.matching, accounts are not kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.dbt.harness import Harness
from tests.unit.matching.test_keys import NAMES, TAX_IDS

pytestmark = pytest.mark.slow
ACCOUNTS = [("de89 3704 0044", "0044"), ("DE8937040044", "0044"), ("999-9999", "9999"), (None, None)]


def test_records(needs_engine: str, tmp_path: Path) -> None:
    harness = Harness(tmp_path, needs_engine, {"erp": {}, "proc": {"supplier": "mapped"}})
    harness.feed("erp", "supplier")
    harness.feed("proc", "supplier", ["source_key", "supplier_code", "supplier_name"])
    names = [name for name, _ in NAMES]
    rows = [{"supplier_code": f"n{n}", "supplier_name": name or ""} for n, name in enumerate(names)]
    rows += [
        {"supplier_code": f"t{n}", "supplier_name": "x", "tax_id": tax_id, "country_code": country}
        for n, (tax_id, country, _) in enumerate(TAX_IDS)
    ]
    rows += [
        {"supplier_code": f"b{n}", "supplier_name": "x", "bank_account": account}
        for n, (account, _) in enumerate(ACCOUNTS)
    ]
    harness.land(
        "erp", "supplier", 1, [{"source_key": row["supplier_code"], **row} for row in rows], dimension=True
    )
    harness.land("proc", "supplier", 1, [
        {"source_key": code, "supplier_code": code, "supplier_name": "p"} for code in ("p1", "p2", "p3")
    ], dimension=True)  # fmt: skip
    harness.insert("reference", "crosswalk", [
        {"system": "proc", "kind": "supplier", "source_code": "p1", "canonical_code": "b0", "valid_from": "2024-01-01"},
        {"system": "proc", "kind": "supplier", "source_code": "p3", "canonical_code": "b0", "valid_from": "2024-01-01"},
        {"system": "proc", "kind": "supplier", "source_code": "p3", "canonical_code": "b1", "valid_from": "2024-01-01"},
    ])  # fmt: skip
    harness.dbt("run", "--select", "+dim_supplier")
    found = {
        row[0]: row[1:]
        for row in harness.rows(
            "canonical.int_supplier_record",
            "supplier_code, name_key, tax_key, bank_account, bank_fingerprint, supplier_id, precedence",
        )
    }
    assert [found[f"n{n}"][0] for n in range(len(NAMES))] == [key for _, key in NAMES]
    assert [found[f"t{n}"][1] for n in range(len(TAX_IDS))] == [key for _, _, key in TAX_IDS]
    assert [found[f"b{n}"][2] for n in range(len(ACCOUNTS))] == [shown for _, shown in ACCOUNTS]
    prints = [found[f"b{n}"][3] for n in range(len(ACCOUNTS))]
    assert prints[0] == prints[1] != prints[2]
    assert (len(prints[0]), prints[2], prints[3]) == (32, None, None)
    # an account is nowhere but in landing: the record keeps four signs, and so does the dimension
    assert harness.rows("canonical.dim_supplier", "bank_account", where="supplier_id = 'b0'") == [("0044",)]
    # mapped; without a row; with two: only the first names a supplier, and the system of record describes it
    assert [found[code][4:] for code in ("b0", "p1", "p2", "p3")] == [
        ("b0", 1), ("b0", 2), ("UNMAPPED", None), ("UNMAPPED", None),
    ]  # fmt: skip
    ids = {row[0] for row in harness.rows("canonical.dim_supplier", "supplier_id")}
    assert ids == {row["supplier_code"] for row in rows} | {"UNMAPPED", "NONE"}
