"""Finding, unpacking and reading files of every format."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import fsspec
import polars as pl
import pytest
import xlsxwriter

from finance_sync.errors import SourceError
from finance_sync.extract.pull import Page, Window
from finance_sync.extract.source import open_pull
from tests.landing_kit import Kit


def _read(kit: Kit) -> tuple[pl.DataFrame, list[Page], int | None]:
    with open_pull(kit.settings, kit.system, "lines", Window()) as pull:
        pages = list(pull.pages())
        assert [page.frame.rows() for page in pull.pages()] == [page.frame.rows() for page in pages], (
            "repeatable"
        )
        frames = [page.frame for page in pages if page.frame.height]
        return (pl.concat(frames) if frames else pl.DataFrame()), pages, pull.statement().rows


def _kit(tmp_path: Path, fields: dict[str, Any] | None = None, **read: Any) -> Kit:
    return Kit(
        tmp_path,
        read={"kind": "file", "path": "x.csv", **read},
        fields=fields or {"a": {}, "b": {}},
        key=["a"],
        control_totals=[],
    )


@pytest.mark.parametrize(
    ("content", "read"),
    [
        ("a,b\nö,2\n".encode(), {}),
        (b"\xef\xbb\xbf" + "a,b\nö,2\n".encode(), {}),
        ("a;b\nö;2\n".encode("cp1252"), {"delimiter": ";", "encoding": "cp1252"}),
        ("a\tb\nö\t2\n".encode("utf-16"), {"delimiter": "\t", "encoding": "utf-16"}),
        ("junk\n\na,b\nö,2\n".encode(), {"skip_rows": 2}),
        ("a,b\r\nö,2".encode(), {}),
        ("a,b\n'ö','2'\n".encode(), {"quote": "'"}),
    ],
)  # fmt: skip
def test_text_files_in_their_many_forms(content: bytes, read: dict[str, Any], tmp_path: Path) -> None:
    kit = _kit(tmp_path, **read)
    kit.write(content, "x.csv")
    frame, _, rows = _read(kit)
    assert frame.rows() == [("ö", "2")]
    assert frame.columns == ["a", "b"]
    assert rows == 1


def test_a_file_without_header_names_columns_by_place(tmp_path: Path) -> None:
    kit = _kit(
        tmp_path,
        has_header=False,
        delimiter="|",
        quote=None,
        fields={"a": {"position": 1}, "b": {"position": 3}},
    )
    kit.write('1|x|"q\n2|y|z\n', "x.csv")
    frame, _, rows = _read(kit)
    assert frame.columns == ["column_1", "column_2", "column_3"]
    assert frame["column_3"].to_list() == ['"q', "z"]
    assert rows == 2


def test_a_record_of_another_length_comes_as_broken(tmp_path: Path) -> None:
    kit = _kit(tmp_path)
    kit.write('a,b\n1,2\n3\n4,5,6\n"7\n7",8\n', "x.csv")
    frame, pages, rows = _read(kit)
    assert frame.rows() == [("1", "2"), ("7\n7", "8")]
    assert [(r.text, r.problem) for p in pages for r in p.broken] == [
        ("3", "has 1 fields where 2 are expected"), ("4,5,6", "has 3 fields where 2 are expected"),
    ]  # fmt: skip
    assert rows == 4


def test_fixed_width_cuts_fields_and_breaks_half_numbers(tmp_path: Path) -> None:
    fields = {
        "a": {"start": 1, "width": 3}, "amount": {"start": 4, "width": 6, "type": "amount", "decimals": 2}, "t": {"start": 10, "width": 5}
    }  # fmt: skip
    kit = _kit(tmp_path, format="fixed", path="x.txt", skip_rows=1, fields=fields)
    kit.write("HEADER\nA1  12.50text\nÖ2  -1.00\nA3   12\nA4   7.00 x\n", "x.txt")
    frame, pages, rows = _read(kit)
    assert frame.select("a", "amount", "t").rows() == [
        ("A1", "12.50", "text"),
        ("Ö2", "-1.00", ""),
        ("A4", "7.00", "x"),
    ]
    assert [r.text for p in pages for r in p.broken] == ["A3   12"]
    assert rows == 4


@pytest.mark.parametrize(
    ("content", "read", "words"),
    [
        (b"a,b\n\xff\xfe,1\n", {}, "is not utf-8"),
        ("a,b\n1,ö\n".encode("cp1252"), {"encoding": "utf-8"}, "give the file's `encoding`"),
        (b"a,b\n1,2\n", {"encoding": "utf-99"}, "encoding 'utf-99' is not known"),
        (b"a,a\n1,2\n", {}, "more than one column 'a'"),
        (b"", {}, "is empty"),
        (b"x\n", {"skip_rows": 1}, "nothing after its first 1 lines"),
        (b"\x89PNG....", {"format": "parquet"}, "is no parquet file"),
        (b"PAR1 cut off", {"format": "parquet"}, "is cut off"),
        (b"PAR1" + b"\0" * 64 + b"PAR1", {"format": "parquet"}, "damaged or was cut off"),
        (b"a,b\n", {"format": "xlsx"}, "is no xlsx file"),
        (b"PK\x03\x04 cut", {"format": "xlsx"}, "no readable workbook"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_what_it_says(
    content: bytes, read: dict[str, Any], words: str, tmp_path: Path
) -> None:
    kit = _kit(tmp_path, **read)
    kit.write(content, "x.csv")
    with pytest.raises(SourceError, match=rf"erp\.lines.*{words}|{words}"):
        _read(kit)


def test_a_missing_file_says_what_is_there_instead(tmp_path: Path) -> None:
    kit = _kit(tmp_path)
    kit.write("a", "y.csv")
    with pytest.raises(SourceError, match=r"no file .*/x\.csv; the folder has: y\.csv"):
        _read(kit)


def _zipped(members: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return out.getvalue()


def test_members_of_archives_and_compressed_files(tmp_path: Path) -> None:
    kit = _kit(tmp_path, path="x.zip", member="data/*.csv")
    kit.write(_zipped({"data/1.csv": "a,b\n1,2\n", "data/2.csv": "a,b\n3,4\n", "readme.txt": "no"}), "x.zip")
    assert _read(kit)[0].rows() == [("1", "2"), ("3", "4")]
    kit = _kit(tmp_path, path="x.csv.gz")
    kit.write(gzip.compress(b"a,b\n5,6\n"), "x.csv.gz")
    assert _read(kit)[0].rows() == [("5", "6")]


@pytest.mark.parametrize(
    ("content", "read", "words"),
    [
        (_zipped({"1.csv": "a", "2.csv": "b"}), {}, "several members; it holds: 1.csv, 2.csv"),
        (_zipped({"1.csv": "a"}), {"member": "z*"}, "no member 'z.'"),
        (_zipped({"1.csv": "a,b\n" + "1,2\n" * 999})[:-40], {}, "is no whole archive"),
    ],
)  # fmt: skip
def test_archives_that_cannot_be_read(
    content: bytes, read: dict[str, Any], words: str, tmp_path: Path
) -> None:
    kit = _kit(tmp_path, path="x.zip", **read)
    kit.write(content, "x.zip")
    with pytest.raises(SourceError, match=words):
        _read(kit)


def test_any_filesystem_and_several_files(tmp_path: Path) -> None:
    store = fsspec.filesystem("memory")
    store.pipe({"/drop/b/2.csv": b"a,b\n3,4\n", "/drop/a/1.csv": b"a,b\n1,2\n"})
    kit = Kit(
        tmp_path,
        url="memory://drop",
        read={"kind": "file", "path": "*/*.csv"},
        fields={"a": {}, "b": {}},
        key=["a"],
        control_totals=[],
    )
    with open_pull(kit.settings, kit.system, "lines", Window(), known_names={"a/1.csv"}) as pull:
        assert [(file.name, file.rows) for file in pull.files] == [("a/1.csv", 1), ("b/2.csv", 1)]
        assert [(page.frame.rows(), page.unseen) for page in pull.pages()] == [
            ([("1", "2")], False),
            ([("3", "4")], True),
        ]
    assert list((kit.settings.home / "tmp").iterdir()) == [], "copies are gone"


def test_files_of_different_shape_are_refused(tmp_path: Path) -> None:
    kit = _kit(tmp_path, path="*.csv")
    kit.write("a,b\n1,2\n", "1.csv")
    kit.write("a,c\n1,2\n", "2.csv")
    with pytest.raises(SourceError, match=r"2\.csv and 1\.csv differ in their columns: 'b', 'c'"):
        _read(kit)


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    kit = _kit(tmp_path)
    path = kit.write("a,b\n1,2\n", "x.csv")
    with open_pull(kit.settings, kit.system, "lines", Window()) as pull:
        os.utime(path, ns=(1, 1))
        with pytest.raises(SourceError, match="was changed or taken away while it was read"):
            list(pull.pages())


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    kit = _kit(tmp_path)
    kit.write("a,b\n1,2\n", "x.csv")
    left = kit.settings.home / "tmp" / "pull-999999999-abc"
    left.mkdir(parents=True)
    (left / "x").write_text("x")
    _read(kit)
    assert not left.exists()


def _workbook(path: Path, rows: list[list[Any]], sheet: str = "Data") -> None:
    with xlsxwriter.Workbook(path) as book:
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        page = book.add_worksheet(sheet)
        for r, row in enumerate(rows):
            for c, value in enumerate(row):
                if isinstance(value, (date, datetime)):
                    page.write_datetime(r, c, value, day)
                elif value is not None:
                    page.write(r, c, value)


XLSX_FIELDS = {"a": {}, "amount": {"type": "amount", "decimals": 2}, "day": {"type": "date"}}


def test_a_workbook_gives_numbers_as_excel_shows_them(tmp_path: Path) -> None:
    kit = _kit(tmp_path, path="x.xlsx", format="xlsx", sheet="Data", fields=XLSX_FIELDS)
    _workbook(
        kit.source / "x.xlsx",
        [
            ["a", "amount", "day"],
            ["001", 0.1 + 0.2, date(2026, 1, 31)],
            [400000, 12345678901.12, None],
            [None, None, None],
            ["x", 5, None],
        ],
    )
    frame, _, rows = _read(kit)
    assert frame["a"].to_list() == ["001", "400000", "x"]
    assert frame["amount"].to_list() == [0.3, 12345678901.12, 5.0]
    assert frame["day"].to_list()[0] == datetime(2026, 1, 31)
    assert rows == 3, "the blank row is no record"


def test_a_column_that_mixes_numbers_and_texts(tmp_path: Path) -> None:
    rows = [["a", "amount", "day"], ["1", 1.5, None], ["2", "-", None], ["3", 99999999999999.98, None]]
    kit = _kit(tmp_path, path="x.xlsx", format="xlsx", fields=XLSX_FIELDS)
    _workbook(kit.source / "x.xlsx", rows)
    assert _read(kit)[0]["amount"].to_list() == ["1.5", "-", "99999999999999.984375"], (
        "what cannot be known shows all its digits"
    )
    kit = _kit(
        tmp_path, path="x.xlsx", format="xlsx", fields=XLSX_FIELDS, numbers={"decimal": ",", "thousands": "."}
    )
    with pytest.raises(SourceError, match="numbers in some cells and texts in others"):
        _read(kit)


def test_a_missing_sheet_is_named(tmp_path: Path) -> None:
    kit = _kit(tmp_path, path="x.xlsx", format="xlsx", sheet="Nope")
    _workbook(kit.source / "x.xlsx", [["a", "b"]])
    with pytest.raises(SourceError, match="has no sheet 'Nope'; it has: Data"):
        _read(kit)


def _control(kit: Kit, text: str) -> None:
    kit.write("a,amount\n1,2.50\n2,3.50\n", "x.csv")
    kit.write(text, "control.csv")


def test_a_control_file_is_the_sources_statement(tmp_path: Path) -> None:
    kit = Kit(
        tmp_path, read={"kind": "file", "path": "x.csv", "control_file": "control.csv"}, key=["a"], control_totals=["amount"],
        fields={"a": {}, "amount": {"type": "amount", "decimals": 2}},
    )  # fmt: skip
    _control(kit, "file,rows,amount\nx.csv,2,6.00\n")
    with open_pull(kit.settings, kit.system, "lines", Window()) as pull:
        said = pull.statement()
        assert (said.kind, said.rows, str(said.totals["amount"])) == ("control_file", 2, "6.00")
    for text, words in {
        "file,rows,amount\ny.csv,2,6.00\n": "says nothing of x.csv; it speaks of: y.csv",
        "file,rows,amount\nx.csv,two,6.00\n": "the line of x.csv has no valid rows, amount",
        "name,rows\nx.csv,2\n": "has no columns file and rows",
    }.items():
        _control(kit, text)
        with pytest.raises(SourceError, match=words):
            open_pull(kit.settings, kit.system, "lines", Window())
        assert list((kit.settings.home / "tmp").iterdir()) == [], "nothing is left behind"
