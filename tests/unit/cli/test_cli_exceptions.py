"""The register on the command line: what is listed, what is asked, what is refused, what is told."""

from __future__ import annotations

import csv
import io
import json
import sys
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from finance_sync.cli import app

sys.path.insert(0, str(Path(__file__).parents[1] / "exceptions"))
from register_kit import TINY, Book, key_of, new_book, row


@pytest.fixture
def book(tmp_path: Path) -> Book:
    made = new_book(tmp_path)
    made.day = date(2026, 3, 1)
    rows = [
        row("PO-1|1", "1000"),
        row("PO-2|1", "30000.25"),
        row("=cmd|x", None, control="C10", owner="treasury"),
    ]
    made.night(rows)
    return made


def cli(book: Book, *arguments: str, given: str = "") -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    command = ["--home", str(book.home), "--deployment", str(TINY), "--as-of", "2026-03-08", *arguments]
    found = CliRunner().invoke(app, command, input=given, env={"FINANCE_SYNC_ACTOR": "ada"})
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return found.exit_code, found.stdout, found.stderr


def test_a_list_is_bounded_and_says_so_and_programs_get_exact_text(book: Book) -> None:
    code, out, err = cli(book, "exceptions", "list", "--limit", "2")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].split() == [
        "id", "control", "entity", "period", "status", "severity", "age", "deadline", "assignee", "at", "risk", "reason", "key",
    ]  # fmt: skip
    assert lines[1].split()[:7] == [key_of("PO-2|1")[:8], "C07", "T1", "months:2026-P01", "open", "high", "7"]
    assert "30,000.2500" in lines[1]
    assert len(lines) == 3
    assert err.strip() == (
        "3 exceptions, 31,000.2500 EUR at risk, 1 without amount. Shown are the worst 2: more with --limit, or narrow it down."
    )
    _, out, _ = cli(book, "exceptions", "list", "-o", "json", "--control", "c07", "--max-amount", "1000")
    (found,) = json.loads(out)
    assert (found["amount_group"], found["age_days"], found["deadline_on"]) == ("1000.0000", 7, "2026-03-11")
    _, out, err = cli(book, "exceptions", "list", "-o", "csv", "--owner", "treasury")
    assert [one["business_key"] for one in csv.DictReader(io.StringIO(out))] == ["=cmd|x"]
    assert err.startswith("1 exception, 0.0000 EUR at risk, 1 without amount.")


def test_several_are_changed_only_after_a_yes_and_a_dry_run_says_what_would_come(book: Book) -> None:
    waive = (
        "exceptions",
        "waive",
        "--control",
        "C07",
        "--until",
        "2026-04-30",
        "--up-to",
        "1000",
        "--reason",
        "agreed",
    )
    code, out, _ = cli(book, *waive, "--dry-run")
    assert (code, out.splitlines()[0]) == (
        0,
        "1 would be waived, 1 refused, 0 changed by somebody else meanwhile",
    )
    assert "PO-2|1: its amount 30000.2500 is above the limit 1000" in out
    code, out, err = cli(book, *waive, given="n\n")
    assert (code, "nothing was changed" in err) == (2, True)
    assert {found["status"] for found in book.rows().values()} == {"open"}
    code, out, _ = cli(book, *waive, given="y\n")
    assert (code, "1 waived, 1 refused" in out) == (1, True)
    assert (book.one("PO-1|1")["status"], book.one("PO-1|1")["disposed_by"]) == ("waived", "ada")
    # One that is named needs no question.
    code, out, _ = cli(book, "exceptions", "assign", key_of("PO-2|1")[:8], "--to", "bob", "--actor", "grace")
    assert (code, out) == (0, "1 assigned, 0 refused, 0 changed by somebody else meanwhile\n")
    code, out, _ = cli(book, "exceptions", "reopen", "--reason", "a mistake", "--yes")
    assert (code, "nothing says" in _) == (2, True)
    code, out, _ = cli(book, "exceptions", "reopen", "--control", "C07", "--reason", "a mistake", "--yes")
    assert (code, out) == (0, "1 reopened, 0 refused, 0 changed by somebody else meanwhile\n")


def test_one_is_shown_with_its_history(book: Book) -> None:
    cli(book, "exceptions", "explain", key_of("PO-1|1"), "--reason", "invoice is on its way")
    _, out, _ = cli(book, "exceptions", "show", key_of("PO-1|1")[:6])
    assert "amount_group             1000.0000" in out
    assert out.splitlines()[-1] == (
        "2026-03-08  explained  by ada · open -> explained · reason invoice is on its way, amount_group 1000.0000"
    )
    _, out, _ = cli(book, "exceptions", "show", key_of("PO-1|1"), "--json")
    shown = json.loads(out)
    assert [event["event"] for event in shown["history"]] == ["opened", "explained"]
    assert shown["amount_group"] == "1000.0000"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("list", "--status", "opened"), "'opened' is no status\n  -> one of open, assigned"),
        (("list", "--min-amount", "1,000"), "--min-amount '1,000' is no amount\n  -> write it as 1234.56"),
        (("waive", "--control", "C07", "--reason", "x"), "a waiver needs an end\n  -> give the last day"),
        (("resolve", "--control", "C07"), "to resolve needs a reason\n  -> say why with --reason"),
        (("assign", "--control", "C07"), "whom to assign to is not said\n  -> give --to NAME, or --nobody"),
        (("resolve", "--reason", "x"), "nothing says which exceptions to resolve\n  -> give ids or a filter"),
        (
            ("resolve", "--control", "C99", "--reason", "x"),
            "there is no control 'C99'\n  -> there are C01, C02",
        ),
        (("resolve", "--key", "nothing like it", "--reason", "x"), "no exception fits\n  -> look with"),
        (("show", "abc"), "'abc' is no id of an exception\n  -> give its 32 characters"),
    ],
)
def test_what_is_wrong_is_told_with_what_to_do(book: Book, arguments: tuple[str, ...], told: str) -> None:
    before = book.dump()
    code, _, err = cli(book, "exceptions", *arguments)
    assert code == 2
    assert told in err
    assert book.dump() == before


def test_the_audit_says_ok_or_names_the_entry(book: Book) -> None:
    code, out, _ = cli(book, "audit", "verify")
    assert (code, out.startswith("ok: 3 entries, head ")) == (0, True)
    with book.operations.engine.connect() as connection:
        connection.exec_driver_sql("drop trigger exception_history_no_UPDATE")
        connection.exec_driver_sql("update exception_history set actor = 'eve' where seq = 2")
    code, out, _ = cli(book, "audit", "verify")
    assert (code, out) == (1, "broken: entry 2 was changed after it was written; the 1 before it are right\n")


def test_without_a_register_it_says_what_to_do(tmp_path: Path) -> None:
    found = CliRunner().invoke(
        app, ["--home", str(tmp_path), "--deployment", str(TINY), "exceptions", "list"]
    )
    assert (found.exit_code, "there is no register in" in found.stderr) == (2, True)
    assert not (tmp_path / "operations").exists()


def test_a_workbook_goes_out_and_comes_back(book: Book) -> None:
    import openpyxl

    folder = book.home / "out"
    code, out, _ = cli(
        book, "workbook", "export", "--owner", "accounts-payable", "--folder", str(folder), "--limit", "1"
    )
    (path,) = folder.iterdir()
    assert (code, out) == (0, f"accounts-payable: 1 exceptions, CUT: of 2 the worst -> {path}\n")
    file = openpyxl.load_workbook(path)
    columns = {cell.value: cell.column for cell in file["Exceptions"][1]}
    for title, value in {"Disposition": "resolve", "Reason": "posted"}.items():
        file["Exceptions"].cell(2, columns[title]).value = value
    file.save(path)
    assert cli(book, "workbook", "import", str(path), "--dry-run")[:2] == (
        0,
        f"{path.name}: would be: 1 applied\n",
    )
    reports = book.home / "reports"
    assert cli(book, "workbook", "import", str(path), "--report", str(reports))[:2] == (
        0,
        f"{path.name}: 1 applied\n",
    )
    assert "row 2      applied" in (reports / f"{path.name}.report.txt").read_text()
    assert book.one("PO-2|1")["disposed_by"] == "ada"
    assert cli(book, "workbook", "import", str(path))[:2] == (0, f"{path.name}: 1 unchanged\n")
    file["Exceptions"].cell(2, columns["Reason"]).value = "another"
    file.save(path)
    code, out, _ = cli(book, "workbook", "import", str(path), str(folder / "none.xlsx"))
    assert code == 1
    assert out.splitlines()[0] == f"{path.name}: 1 conflict"
    assert "Status is open in the workbook, resolved in the register" in out
    assert "none.xlsx: nothing was taken in" in out
    assert cli(book, "workbook", "inbox")[:2] == (
        0,
        f"nothing to take in lies in {book.home.resolve() / 'inbox'}\n",
    )
