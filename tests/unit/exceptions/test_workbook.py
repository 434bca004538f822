"""The workbook round trip, with openpyxl as the other program: what is written, what is filled in, what comes back."""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest

from finance_sync.errors import OperationsError
from finance_sync.exceptions.history import Act, verify
from finance_sync.exceptions.workbook.export import Source, export
from finance_sync.exceptions.workbook.inbox import empty_inbox, report_text, waiting
from finance_sync.exceptions.workbook.layout import FILLED, SHOWN
from finance_sync.exceptions.workbook.take_in import TakenIn, amount, take_in

sys.path.insert(0, str(Path(__file__).parent))
from register_kit import Book, key_of, row

UNTIL = date(2026, 4, 30)


def source(book: Book, query: Any = None) -> Source:
    return Source(book.operations, query, "v1" if query else "", book.day, "EUR")


def exported(book: Book, **how: Any) -> Path:
    (one,) = export(source(book, how.pop("query", None)), book.home / "out", **how)
    return one.path


class Sheet:
    """A workbook in the other program: cells by business key and title."""

    def __init__(self, path: Path) -> None:
        self.path, self.file = path, openpyxl.load_workbook(path)
        self.sheet = self.file["Exceptions"]
        self.columns = {cell.value: cell.column for cell in self.sheet[1]}
        self.rows = {
            self.sheet.cell(at, self.columns["Business key"]).value: at
            for at in range(2, self.sheet.max_row + 1)
        }

    def cell(self, key: str, title: str) -> Any:
        return self.sheet.cell(self.rows[key], self.columns[title])

    def fill(self, key: str, **values: Any) -> Sheet:
        for title, value in values.items():
            self.cell(key, title.replace("_", " ")).value = value
        return self

    def save(self, name: str = "filled.xlsx") -> Path:
        made = self.path.parent / name
        self.file.save(made)
        return made


def taken(book: Book, path: Path, actor: str = "ada", **how: Any) -> TakenIn:
    return take_in(book.operations, path, Act(actor, book.now, book.day), book.rules.today, **how)


def outcomes(found: TakenIn) -> dict[str, tuple[int | None, str, str]]:
    return {
        key or exception_id or "": (number, outcome, message)
        for number, exception_id, _, key, outcome, message in found.rows.iter_rows()
    }


def test_texts_are_never_formulas_identifiers_keep_their_zeros_and_amounts_are_exact_numbers(
    book: Book,
) -> None:
    book.night(
        [
            row(
                "007", "12345678901.2345", left_value="=HYPERLINK(1)", right_value="\t=1+1", account_id="0040"
            ),
            row("@x", "99999999999999999.9999", left_value="-1+1", message="a\r\nb", supplier_id="1e5"),
        ]
    )
    path = exported(book)
    sheet = Sheet(path)
    assert (sheet.cell("007", "Account").value, sheet.cell("'@x", "Supplier").value) == ("0040", "1e5")
    assert {
        sheet.cell("007", name).data_type for name in ("Business key", "Exception", "Account", "Left value")
    } == {"s"}
    for key, title, value in (("007", "Left value", "'=HYPERLINK(1)"), ("'@x", "Left value", "'-1+1")):
        assert (sheet.cell(key, title).value, sheet.cell(key, title).quotePrefix) == (value, True)
    assert sheet.cell("007", "Right value").value == "\u2409=1+1"
    money = sheet.cell("007", "At risk, group")
    assert (money.data_type, Decimal(repr(money.value)), money.number_format[:8]) == (
        "n",
        Decimal("12345678901.2345"),
        "#,##0.00",
    )
    # 17 + 4 digits: a number would be another amount.
    assert (sheet.cell("'@x", "At risk, group").data_type, sheet.cell("'@x", "At risk, group").value) == (
        "s", "99999999999999999.9999",
    )  # fmt: skip
    said = [cell.value for cell in sheet.file["Control totals"]["A"] if cell.value]
    assert any(text.startswith("2 amounts have more than 15 digits") for text in said)
    with zipfile.ZipFile(path) as archive:
        parts = [archive.read(name) for name in archive.namelist() if "worksheets" in name]
    assert not any(b"<f>" in part or b"<hyperlink" in part for part in parts)
    # What was written is taken for what the register says, text for text: nothing of it was changed.
    assert taken(book, sheet.save()).counts == {"untouched": 2}


def test_only_what_is_to_be_filled_in_is_open_and_the_totals_are_exact(book: Book) -> None:
    book.night(
        [row("A", "0.1"), row("B", "0.2"), row("C", None), row("D", "5", control="C09", owner="other")]
    )
    path = exported(book, wanted=["accounts-payable"], most=2)
    sheet = Sheet(path)
    made = sheet.sheet
    assert made.protection.sheet
    assert made.freeze_panes == "B2"
    assert made.auto_filter.ref is not None
    assert made.page_setup.orientation == "landscape"
    opened = {
        column.title: not sheet.cell("A", column.title).protection.locked for column in (*SHOWN, *FILLED)
    }
    by_column = {name: not made.column_dimensions[_letter(sheet, name)].protection.locked for name in opened}
    assert {name for name in opened if by_column[name]} == {column.title for column in FILLED}
    (drop,) = [rule for rule in made.data_validations.dataValidation if rule.type == "list"]
    assert drop.formula1 == '"assign,explain,waive,resolve"'
    totals = sheet.file["Control totals"]
    lines = [[cell.value for cell in line if cell.value is not None] for line in totals.iter_rows()]
    assert ["all", 3, 1, 0.3, 2, 0.3] in lines
    assert ["C07", 3, 1, 0.3, 2, 0.3] in lines
    assert ["CUT: the worst 2 of 3 exceptions are in this workbook."] in lines
    assert sheet.file["finance-sync"].sheet_state == "veryHidden"
    (again,) = export(source(book), path.parent, ["accounts-payable"], most=2)
    assert (again.path, again.written) == (path, False)
    with pytest.raises(OperationsError, match="has no exceptions"):
        export(source(book), path.parent, ["nobody"])


def _letter(sheet: Sheet, title: str) -> str:
    return openpyxl.utils.get_column_letter(sheet.columns[title])


def test_documents_behind_a_difference_are_bounded_and_say_so(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    import duckdb

    monkeypatch.setattr("finance_sync.exceptions.workbook.export.MOST_DOCUMENTS", 2)
    connection = duckdb.connect()
    connection.execute(
        "create table mart_grni_document as select * from (values ('it''s|1', '=x', 1.5::decimal(28, 4)), ('it''s|1', 'b', 2), "
        "('it''s|1', 'c', 3), ('other', 'd', 4)) as t(order_key, document_no, amount_txn)"
    )
    connection.execute("create table mart_variance_document as select 'of another version' as order_key")
    connection.execute(
        "create table mart_exceptions as select 'C25' as control_id, 'over' as business_key, 'x' as cell_id, 'p' as fiscal_period_id "
        "union all select 'C07', 'it''s|1', 'x', 'p'"
    )
    connection.execute(
        "create table mart_budget_line as select 'x' as cell_id, 'p' as fiscal_period_id, 7.5::decimal(28, 4) as amount"
    )
    book.night([row("it's|1"), row("none|1"), row("over", control="C25")])
    file = openpyxl.load_workbook(exported(book, query=lambda sql: connection.sql(sql).to_arrow_table()))
    rows = list(file["Receipts and invoices"].iter_rows(values_only=True))
    assert (
        rows[0][0]
        == "mart_grni_document, by the business key of the exception. CUT: the first 2 of 3 rows are here."
    )
    assert [line[0] for line in rows[2:]] == ["it's|1", "it's|1"]
    assert {line[2] for line in rows[2:]} <= {"'=x", "b", "c"}
    # The lines of a cell are those of the exception that is about the cell.
    assert [line[:4] for line in list(file["Budget lines of cells"].iter_rows(values_only=True))[2:]] == [
        ("over", "x", "p", 7.5)
    ]
    assert "Variance of orders" not in file.sheetnames
    said = [cell.value for cell in file["Control totals"]["A"]]
    assert "2 of 3 business keys have published documents in this workbook." in said


def test_what_is_filled_in_is_done_once(either: Book) -> None:
    book = either
    book.night([row(key, "1000") for key in "ABCDEF"])
    sheet = Sheet(exported(book))
    sheet.fill("A", Disposition="assign", Assign_to="m.weber")
    sheet.fill("B", Disposition="explain", Reason="invoice is on its way", Comment="asked the supplier")
    sheet.fill("C", Disposition="Waive", Reason="rounding", Valid_until=datetime(2026, 4, 30), Limit=1000.005)
    sheet.fill("D", Disposition="resolve", Reason="'=posted")
    sheet.fill("E", Comment="seen")
    path = sheet.save()
    assert taken(book, path, dry_run=True).counts == {"applied": 5, "untouched": 1}
    assert book.events() == ["opened"] * 6
    found = taken(book, path)
    assert found.counts == {"applied": 5, "untouched": 1}
    assert (book.one("A")["assignee"], book.one("A")["status"]) == ("m.weber", "assigned")
    waived = book.one("C")
    assert (waived["status"], waived["disposed_by"], waived["valid_until"], waived["limit_group"]) == (
        "waived", "ada", UNTIL, Decimal("1000.0050"),
    )  # fmt: skip
    assert (book.one("D")["status"], book.one("E")["status"]) == ("resolved", "open")
    assert (book.events("B"), book.events("E")) == (
        ["opened", "explained", "commented"],
        ["opened", "commented"],
    )
    before = book.dump()
    assert taken(book, path).counts == {"unchanged": 5, "untouched": 1}
    assert book.dump() == before
    assert verify(book.operations).holds


Fill = Callable[[Any], Any]
BAD: Mapping[str, tuple[Fill, str, str]] = {
    "no reason": (lambda s: s.fill("A", Disposition="explain"), "incomplete", "to explain needs a reason"),
    "no end": (lambda s: s.fill("A", Disposition="waive", Reason="r"), "incomplete", "a waiver needs an end"),
    "no verb": (lambda s: s.fill("A", Reason="r"), "incomplete", "Disposition is missing"),
    "nobody": (lambda s: s.fill("A", Disposition="assign"), "incomplete", "Assign to is missing"),
    "two acts": (lambda s: s.fill("A", Disposition="resolve", Reason="r", Assign_to="x"), "incomplete", "one row, one act"),
    "too much": (lambda s: s.fill("A", Disposition="assign", Assign_to="x", Limit=5), "incomplete", "takes no Valid until"),
    "pasted word": (lambda s: s.fill("A", Disposition="forget it"), "invalid", "Disposition forget it is none of assign"),
    "not a date": (lambda s: s.fill("A", Disposition="explain", Reason="r", Valid_until="30.04.2026"), "invalid", "not a date"),
    "date as number": (lambda s: s.fill("A", Disposition="explain", Reason="r", Valid_until="46142"), "invalid", "not a date"),
    "amount as words": (lambda s: s.fill("A", Disposition="explain", Reason="r", Limit="1.234,56"), "invalid", "not an amount"),
    "limit too low": (
        lambda s: s.fill("A", Disposition="waive", Reason="r", Valid_until=UNTIL, Limit=999.99),
        "refused", "its amount 1000.0000 is above the limit 999.99",
    ),
    "negative": (lambda s: s.fill("A", Disposition="explain", Reason="r", Limit=-1), "incomplete", "is negative"),
    "over": (
        lambda s: s.fill("A", Disposition="waive", Reason="r", Valid_until=date(2026, 2, 1)), "refused", "is over already",
    ),
    "formula asked": (lambda s: s.fill("A", Disposition="explain", Reason='="r"&"x"'), "formula", "in Reason: enter the value"),
    "formula elsewhere": (
        lambda s: s.fill("A", Disposition="resolve", Reason="r", Left_amount="=1+1"), "formula", "in Left amount",
    ),
    "pasted amount": (
        lambda s: s.cell("A", "At risk, group").__setattr__("value", "about 1000"),
        "changed cell", "At risk, group is about 1000 in the workbook, 1000.0000 in the register",
    ),
    "key made a date": (lambda s: s.cell("A", "Account").__setattr__("value", date(2026, 1, 4)), "changed cell", "Account is"),
    "key lost its zeros": (lambda s: s.cell("A", "Account").__setattr__("value", 40), "changed cell", "Account is 40 in"),
    "other id": (lambda s: s.cell("A", "Exception").__setattr__("value", "0" * 32), "unknown", "the register has no such"),
    "no id": (lambda s: s.cell("A", "Exception").__setattr__("value", None), "unknown", "no exception id"),
}  # fmt: skip


class Named:
    """A sheet in which a case's row stands for A."""

    def __init__(self, sheet: Sheet, key: str) -> None:
        self.sheet, self.key = sheet, key

    def cell(self, _: str, title: str) -> Any:
        return self.sheet.cell(self.key, title)

    def fill(self, _: str, **values: Any) -> Any:
        return self.sheet.fill(self.key, **values)


def test_bad_rows_are_told_and_left_alone_and_the_good_one_is_done(book: Book) -> None:
    book.night([row(key, "1000", account_id="0040") for key in (*BAD, "good")])
    sheet = Sheet(exported(book)).fill("good", Disposition="resolve", Reason="posted")
    for case, (fill, _, _) in BAD.items():
        fill(Named(sheet, case))
    path = sheet.save()
    assert outcomes(taken(book, path, all_or_nothing=True))["good"][1] == "held back"
    assert book.events() == ["opened"] * (len(BAD) + 1)
    found = outcomes(taken(book, path))
    assert found.pop("good")[1] == "applied"
    gone = {
        key_of(case) for case in ("other id", "no id")
    }  # their rows lost them, so they count as taken out too
    assert {key: told[1] for key, told in found.items() if key in gone} == dict.fromkeys(gone, "deleted")
    for case, (_, outcome, message) in BAD.items():
        number, became, told = found[case]
        assert (number, became) == (sheet.rows[case], outcome), case
        assert message in told, (case, told)
        assert book.events(case) == ["opened"], case
    assert book.one("good")["status"] == "resolved"


def test_conflicts_stale_deleted_doubled_and_foreign_rows_are_told_one_by_one(book: Book) -> None:
    rows = [row(key, "1000") for key in "ABCDE"]
    book.night(rows)
    sheet = Sheet(exported(book))
    for key in "ABCD":
        sheet.fill(key, Disposition="explain", Reason="because")
    book.night([row("A", "1500"), *rows[2:], row("F", "9")], days=1)  # A grows, B is gone, F is new
    book.act("waive", "C", valid_until=UNTIL, actor="grace")
    last = sheet.sheet.max_row + 1
    for title in ("Exception", "Business key", "Disposition", "Reason"):
        sheet.sheet.cell(last, sheet.columns[title]).value = sheet.cell("D", title).value
    sheet.sheet.cell(last + 1, sheet.columns["Exception"]).value = key_of("F")
    sheet.sheet.cell(last + 1, sheet.columns["Business key"]).value = "F"
    sheet.sheet.delete_rows(sheet.rows["E"])
    before = book.dump()
    found = taken(book, sheet.save())
    told = outcomes(found)
    assert (told["A"][1], "1000 in the workbook, 1500.0000 in the register" in told["A"][2]) == (
        "conflict",
        True,
    )
    assert told["B"][1:] == ("gone", "gone from the books since 2026-03-02")
    assert (told["C"][1], "Status is open in the workbook, waived in the register" in told["C"][2]) == (
        "conflict",
        True,
    )
    assert told["F"][1:] == ("unknown", "the exception was not exported with this workbook")
    assert told[key_of("E")] == (None, "deleted", "the row was taken out of the sheet: nothing was done")
    assert found.counts == {"deleted": 1, "conflict": 2, "gone": 1, "unknown": 1, "twice": 2}
    assert book.dump() == before
    assert "conflict" in report_text(found, "ada")


def test_a_file_that_is_damaged_or_foreign_is_refused_whole(book: Book) -> None:
    book.night([row("A")])
    path = exported(book)
    for change, said in (
        (lambda s: s.sheet.delete_cols(s.columns["Limit"]), "has no column 'Limit'"),
        (lambda s: s.file.remove(s.file["finance-sync"]), "has no sheet 'finance-sync'"),
        (lambda s: s.file["finance-sync"].__setitem__("B2", "x"), "has a changed hidden sheet"),
        (lambda s: s.file["finance-sync"].__setitem__("A1", "other"), "is not a workbook"),
    ):
        sheet = Sheet(path)
        change(sheet)
        with pytest.raises(OperationsError, match=said):
            taken(book, sheet.save())
    text = path.with_name("no.xlsx")
    text.write_text("a;b")
    with pytest.raises(OperationsError, match="is no XLSX file"):
        taken(book, text)


def test_a_computed_limit_counts_as_a_cell_shows_it_and_nothing_else_is_rounded() -> None:
    texts = [
        "0.30000000000000004",
        "1000.00499999999999",
        "12345678901234567.8901",
        "1.00005",
        "1e3",
        "1,000",
        "5",
        "-0.5",
    ]
    found = pl.DataFrame({"x": texts}).select(amount(pl.col("x")))["x"].to_list()
    assert found == [
        Decimal("0.3"), Decimal("1000.005"), Decimal("12345678901234567.8901"), None, None, None, Decimal(5), Decimal("-0.5"),
    ]  # fmt: skip


def test_the_inbox_is_emptied_by_person_and_every_file_has_its_report(book: Book) -> None:
    book.night([row("A", "1000"), row("B", "1000")])
    path = exported(book)
    inbox = book.home / "inbox"
    (inbox / "grace").mkdir(parents=True)
    Sheet(path).fill("A", Disposition="resolve", Reason="posted").save().rename(inbox / "grace" / "good.xlsx")
    Sheet(path).fill("B", Disposition="resolve").save().rename(inbox / "bad.xlsx")
    for name, text in (("broken.xlsx", "x"), ("~$good.xlsx", "x"), (".hidden", "x")):
        (inbox / name).write_text(text)
    (inbox / "link.xlsx").symlink_to(path)
    assert waiting(inbox) == []  # they changed just now
    for file in inbox.rglob("*"):
        os.utime(file, (1, 1), follow_symlinks=False)
    act = replace(Act("sensor", book.now, book.day))
    found = {one.name: one for one in empty_inbox(book.operations, inbox, act, book.rules.today)}
    assert {name: (one.good, one.actor, one.path.parent.name) for name, one in found.items()} == {
        "good.xlsx": (True, "grace", "done"), "bad.xlsx": (False, "sensor", "failed"), "broken.xlsx": (False, "sensor", "failed"),
    }  # fmt: skip
    assert (book.one("A")["disposed_by"], book.one("B")["status"]) == ("grace", "open")
    assert "to resolve needs a reason" in found["bad.xlsx"].report.read_text()
    assert "is no XLSX file" in found["broken.xlsx"].report.read_text()
    assert all(one.path.is_file() for one in found.values())
    assert waiting(inbox, settled=0) == []
