"""Hashes of records."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from decimal import Decimal

import polars as pl

from finance_sync.landing.hashing import prints, row_md5, text_md5

ROW = pl.DataFrame(
    {
        "a": ["x", None],
        "n": [1, 2],
        "d": [date(2026, 1, 31), None],
        "t": [datetime(2026, 1, 31, 10), None],
        "b": [True, None],
    }
).with_columns(m=pl.Series([Decimal("1.25"), None], dtype=pl.Decimal(18, 4)))


def test_the_stored_hash_is_the_same_for_ever() -> None:
    # Written down once: were they to change, every record of every snapshot would land anew.
    texts = ["a=x\x1fb=1\x1fd=20484\x1fm=12500\x1fn=1\x1ft=1769853600000000", "n=2"]
    assert row_md5(ROW, ROW.columns).to_list() == [hashlib.md5(text.encode()).hexdigest() for text in texts]
    assert text_md5(pl.Series(["", "abc", None])).to_list() == [
        "d41d8cd98f00b204e9800998ecf8427e", "900150983cd24fb0d6963f7d28e17f72", None,
    ]  # fmt: skip


def test_neither_order_of_columns_nor_an_empty_column_matters() -> None:
    more = ROW.with_columns(z=pl.lit(None, dtype=pl.String))
    assert row_md5(more, sorted(more.columns, reverse=True)).equals(row_md5(ROW, ROW.columns))
    assert (row_md5(ROW.with_columns(z=pl.lit("")), [*ROW.columns, "z"]) != row_md5(ROW, ROW.columns)).all()


def test_no_text_can_pass_for_another_field() -> None:
    one = pl.DataFrame({"a": ["x\x1fb=y"], "b": [None]}, schema={"a": pl.String, "b": pl.String})
    two = pl.DataFrame({"a": ["x"], "b": ["y"]})
    three = pl.DataFrame({"a": ["x\x1f"], "b": ["y"]})
    assert len({row_md5(frame, ["a", "b"])[0] for frame in (one, two, three)}) == 3


def test_prints_agree_for_equal_records_in_this_process_only_by_value() -> None:
    again = pl.concat([ROW.slice(1), ROW.slice(0, 1)], rechunk=True)
    assert prints(ROW, ROW.columns, "h").reverse().equals(prints(again, ROW.columns, "h"))
    changed = ROW.with_columns(n=pl.col("n") + 1)
    assert (prints(ROW, ROW.columns, "h")["h1"] != prints(changed, ROW.columns, "h")["h1"]).all()
