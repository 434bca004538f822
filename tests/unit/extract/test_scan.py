"""The independent record count, and telling a text file from anything else."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finance_sync.errors import SourceError
from finance_sync.extract import scan

CASES = {
    "plain": ("a,b\n1,2\n3,4\n", 3),
    "no last line end": ("a,b\n1,2", 2),
    "windows line ends": ("a,b\r\n1,2\r\n", 2),
    "blank lines": ("a,b\n\n1,2\n\r\n\n", 2),
    "line end in quotes": ('a,b\n"x\ny",2\n3,4\n', 3),
    "blank line in quotes": ('a,b\n"x\n\ny",2\n', 2),
    "doubled quotes": ('a,b\n"x""\ny",2\n', 2),
    "inch mark": ('a,b\n5" pipe,2\n6" pipe,3\n7,4\n', 4),
    "quote after text": ('a,b\nx"y,2\n1,2\n', 3),
    "carriage returns alone": ('a,b\r1,2\r"x\ry",4\r', 3),
    "several open lines": ('"1\n2\n3",x\n"4\n5",y\nz,z\n', 3),
    "closed and opened in one line": ('"1\n2","3\n4"\n5,6\n', 2),
}


@pytest.mark.parametrize("block", [3, 7, 1 << 20])
@pytest.mark.parametrize(("text", "records"), CASES.values(), ids=CASES)
def test_records_are_counted_by_line_ends_outside_quotes(
    text: str, records: int, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(text.encode())
    monkeypatch.setattr(scan, "_BLOCK", block)
    assert scan.count_records(path, "x.csv", "s.o", quote='"', delimiter=",") == records


def test_without_a_quote_character_quotes_are_plain(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('a|"b\n"1|2\n')
    assert scan.count_records(path, "x.csv", "s.o", quote=None, delimiter="|") == 2


def test_a_quote_that_is_never_closed_is_found_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('a,b\n1,2\n3,"x\n4,5\n')
    with pytest.raises(
        SourceError, match=r"s\.o: x\.csv: the quote that opens a field in line 3 is never closed"
    ):
        scan.count_records(path, "x.csv", "s.o", quote='"', delimiter=",")


@settings(deadline=None)
@given(
    st.lists(
        st.lists(st.text(st.sampled_from('a,"\n \r'), max_size=6), min_size=2, max_size=3),
        min_size=1,
        max_size=8,
    )
)
def test_the_count_agrees_with_the_standard_library(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_MINIMAL).writerows(rows)
    path = tmp_path_factory.getbasetemp() / "agree.csv"
    path.write_bytes(out.getvalue().encode())
    expected = sum(1 for row in csv.reader(io.StringIO(out.getvalue(), newline="")) if row)
    assert scan.count_records(path, "x", "s.o", quote='"', delimiter=",") == expected


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"PK\x03\x04rest", "looks like a zip archive or an XLSX workbook"),
        (b"PAR1rest", "looks like a Parquet file"),
        (b"\xd0\xcf\x11\xe0", "old Excel"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"a,b\n\x00\x01\n", "binary, or text in another encoding"),
    ],
)  # fmt: skip
def test_what_is_no_text_is_named(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=words):
        scan.require_text(path, "x.csv", "s.o")
