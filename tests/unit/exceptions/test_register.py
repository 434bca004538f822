"""One exception through its life: what nights and people make of it (SPEC 8)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from register_kit import DAY, P1, P2, Book, key_of, row

from finance_sync.errors import OperationsError
from finance_sync.exceptions import tables
from finance_sync.exceptions.history import verify
from finance_sync.exceptions.work import Filter, find, look
from finance_sync.operations import open_operations
from finance_sync.settings import load_settings


def test_the_migrations_make_the_tables_that_the_code_knows(either: Book) -> None:
    with either.operations.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), tables.metadata)
        assert differences == []
        found = connection.exec_driver_sql("select version_num from alembic_version").scalar()
    assert found == "0001"


def test_first_and_last_seen_amount_then_and_now(either: Book) -> None:
    either.night([row("A", "99999999999999999.9999")])
    either.night([row("A", "0.0001", message="less")], days=3)
    found = either.one("A")
    assert (found["first_seen_on"], found["first_seen_run"]) == (DAY, "run-1")
    assert (found["last_seen_on"], found["last_seen_run"], found["times_seen"]) == (
        DAY + timedelta(3),
        "run-2",
        2,
    )
    # 17 digits before the point: a float would have lost the last ones.
    assert (found["first_amount_group"], found["amount_group"]) == (
        Decimal("99999999999999999.9999"),
        Decimal("0.0001"),
    )
    assert found["message"] == "less"
    assert either.events("A") == ["opened", "changed", "severity"]


def test_what_is_part_of_the_message_but_not_of_the_problem_makes_no_second_exception(book: Book) -> None:
    book.night([row("A", period=P1)])
    book.night([row("A", "200", period=P2, finding="missing_right", reason_code="not_posted")], days=1)
    found = book.rows()
    assert len(found) == 1
    assert (found["A"]["times_seen"], found["A"]["opened_on"], found["A"]["fiscal_period_id"]) == (2, DAY, P2)


def test_the_same_build_twice_changes_nothing(either: Book) -> None:
    rows = [row("A"), row("B", None), row("C", "5000")]
    either.night(rows)
    either.act("assign", "A", assignee="bob")
    either.act("resolve", "C")
    before = either.dump()
    assert either.night(rows, again=True).counts == {}
    assert either.dump() == before
    # Another build that finds the same: seen once more, nothing else, and what was called resolved is still there.
    assert either.night(rows, days=1).counts == {"reopened": 1}
    assert {key: found["times_seen"] for key, found in either.rows().items()} == {"A": 2, "B": 2, "C": 2}
    assert either.one("C")["reopened_because"] == "still_there"


def test_gone_closes_itself_and_names_the_run_and_returning_reopens(either: Book) -> None:
    either.night([row("A"), row("B")])
    either.act("assign", "A", assignee="bob")
    either.night([row("B")], days=5)
    found = either.one("A")
    assert (found["status"], found["gone_on"], found["gone_run"]) == ("resolved", DAY + timedelta(5), "run-2")
    assert (
        either.act("reopen", "A")
        .refused[key_of("A")]
        .startswith("it is gone from the books since 2026-03-06")
    )
    either.night([row("A", "101"), row("B")], days=5)
    found = either.one("A")
    assert (found["status"], found["assignee"], found["gone_on"]) == ("assigned", "bob", None)
    assert (found["opened_on"], found["first_seen_on"], found["times_opened"]) == (
        DAY + timedelta(10),
        DAY,
        2,
    )
    assert either.events("A") == ["opened", "assigned", "gone", "changed", "returned"]
    assert verify(either.operations).holds


def test_nothing_is_closed_that_was_not_judged(book: Book) -> None:
    book.night([row("A"), row("B", control="C10"), row("C", control="C04"), row("D", period=P2)])
    book.judged = [("T1", P2)]
    # P1 is closed and not built anew; C04 is made anew as a whole; C10 and C07 could not be judged or apply no more.
    assert book.night([], whole=["C04"], not_applicable=["C10"], unjudged=["C07"], days=1).counts == {
        "gone": 1
    }
    assert {key for key, found in book.rows().items() if found["gone_on"]} == {"C"}
    assert book.night([], days=1).counts == {"gone": 1}
    assert {key for key, found in book.rows().items() if found["gone_on"]} == {"C", "D"}
    # Rows of a period that was not judged are listed all the same; they were not seen again.
    book.night([row("A")], days=1)
    assert (book.one("A")["times_seen"], book.one("A")["last_seen_on"]) == (1, DAY)


def test_a_run_that_is_stopped_takes_in_and_closes_nothing_until_it_may(book: Book) -> None:
    book.night([row("A")])
    assert book.night([row("B")], days=1, closing=False).counts == {"opened": 1}
    assert book.night([row("B")], again=True, closing=True).counts == {"gone": 1}
    assert book.one("B")["times_seen"] == 1


@pytest.mark.parametrize(
    ("now", "reopens"), [("1000", False), ("1000.0000", False), ("1000.0001", True), ("1001", True)]
)
def test_a_waiver_of_1000_does_not_silence_1001(either: Book, now: str, reopens: bool) -> None:
    either.night([row("A", "900")])
    either.act("waive", "A", valid_until=DAY + timedelta(90), limit_group=Decimal(1000))
    either.night([row("A", now)], days=1)
    found = either.one("A")
    assert (found["status"], found["reopened_because"]) == (
        ("open", "limit_exceeded") if reopens else ("waived", None)
    )


def test_a_waiver_without_a_limit_holds_for_the_amount_as_it_stood(book: Book) -> None:
    book.night([row("A", "900.5"), row("B", None), row("C", "10")])
    assert book.act("waive", "A", "B", "C", valid_until=DAY).refused == {}
    assert (book.one("A")["limit_group"], book.one("B")["limit_group"]) == (Decimal("900.5"), Decimal(0))
    # B's amount becomes known, C's is not known any more: nobody waived that.
    book.night([row("A", "900.5"), row("B", "0.01"), row("C", None)])
    assert {key: found["status"] for key, found in book.rows().items()} == {
        "A": "waived",
        "B": "open",
        "C": "open",
    }


def test_an_explanation_holds_as_long_as_it_says(book: Book) -> None:
    book.night([row("A"), row("B"), row("C")])
    book.act("explain", "A")
    book.act("explain", "B", valid_until=DAY + timedelta(1))
    book.act("explain", "C", limit_group=Decimal(100))
    book.night([row("A", "5000"), row("B"), row("C", "100.01")], days=2)
    assert {key: found["reopened_because"] for key, found in book.rows().items()} == {
        "A": None, "B": "expired", "C": "limit_exceeded",
    }  # fmt: skip
    # Who had it has it again, with a deadline of its own.
    assert book.one("B")["due_from"] == DAY + timedelta(2)
    assert book.one("B")["opened_on"] == DAY


def _with_zones(book: Book, folder: Path, rows: list[str]) -> None:
    import shutil

    shutil.copytree(book.deployment_dir, folder)
    head = "policy,legal_entity_id,line_type,value,valid_from,valid_to,reason,owner"
    (folder / "reference" / "policies.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    book.deployment_dir, book.stated = folder, False


@pytest.mark.parametrize(
    ("zone", "utc", "status"),
    [
        # The last day is 31 March. In New York it lasts until 04:00 UTC of 1 April, in Tokyo it ends at 15:00 UTC.
        ("America/New_York", "2026-04-01T03:59", "waived"),
        ("America/New_York", "2026-04-01T04:01", "open"),
        ("Asia/Tokyo", "2026-03-31T14:59", "waived"),
        ("Asia/Tokyo", "2026-03-31T15:01", "open"),
        (None, "2026-03-31T23:59", "waived"),
        (None, "2026-04-01T00:01", "open"),
    ],
)
def test_a_waiver_ends_with_the_day_where_the_entity_is(
    book: Book, tmp_path: Path, zone: str | None, utc: str, status: str
) -> None:
    other = "time_zone,,,Pacific/Kiritimati,2020-01-01,2025-12-31,an old rule,group-controlling"
    rows = [f"time_zone,T1,,{zone},2020-01-01,,where it sits,group-controlling"] if zone else [other]
    _with_zones(book, tmp_path / "deployment", rows)
    book.night([row("A")])
    book.act("waive", "A", valid_until=date(2026, 3, 31))
    book.now = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    book.night([row("A")], again=True)
    assert book.one("A")["status"] == status


def test_a_zone_that_does_not_exist_is_refused_when_the_deployment_is_loaded(
    book: Book, tmp_path: Path
) -> None:
    _with_zones(book, tmp_path / "deployment", ["time_zone,T1,,Mars/Base,2020-01-01,,x,y"])
    with pytest.raises(Exception, match="'Mars/Base' is no value of time_zone"):
        _ = book.rules


def test_severity_follows_amount_and_age_and_gives_the_deadline(book: Book) -> None:
    amounts = {"A": "999.9999", "B": "1000", "C": "24999.9999", "D": "25000", "E": "1000000", "F": None}
    book.night([row(key, amount) for key, amount in amounts.items()])
    days = {"low": 20, "medium": 10, "high": 5, "critical": 1}
    expected = {"A": "low", "B": "medium", "C": "medium", "D": "high", "E": "critical", "F": "low"}
    found = book.rows()
    assert {key: found[key]["severity"] for key in found} == expected
    assert all(found[key]["deadline_on"] == DAY + timedelta(days[expected[key]]) for key in found)
    for age, severity in ((89, "low"), (90, "medium")):
        book.day = DAY + timedelta(age)
        book.night([row("A")])
        assert book.one("A")["severity"] == severity
    assert book.one("A")["deadline_on"] == DAY + timedelta(10)


def test_past_the_deadline_it_escalates_level_by_level_until_somebody_answers(book: Book) -> None:
    book.night([row("A", "30000"), row("B", "30000")])
    steps = {
        5: (0, None, None),
        6: (1, 6, "group-controlling"),
        15: (1, 6, "group-controlling"),
        16: (2, 16, "cfo"),
        99: (2, 16, "cfo"),
    }
    for age, (level, on, to) in steps.items():
        book.day = DAY + timedelta(age)
        book.night([row("A", "30000"), row("B", "30000")])
        if age < 30:  # from then on it counts as critical by age, with an earlier deadline
            found = book.one("A")
            assert (found["escalation_level"], found["escalated_on"], found["escalated_to"]) == (
                level, on and DAY + timedelta(on), to,
            ), age  # fmt: skip
    assert book.events("A").count("escalated") == 2
    book.act("explain", "A")
    assert book.one("A")["escalation_level"] == 0
    book.night([row("A", "30000"), row("B", "30000")], days=10)
    assert (book.one("A")["escalation_level"], book.one("B")["escalation_level"]) == (0, 2)


def test_a_deployment_has_its_own_deadlines(book: Book, tmp_path: Path) -> None:
    _with_zones(book, tmp_path / "deployment", [])
    head = "control_id,legal_entity_id,severity,deadline_days,raise_after_days,escalate_every_days,escalate_to,valid_from,valid_to,reason,owner"
    rows = [
        "C07,,low,7,,,,2026-01-01,,group rule,controlling", ",T1,low,3,,,,2026-01-01,,entity rule,controlling",
        "C07,T1,low,2,,,head of T1; board,2026-01-01,2026-03-31,until the audit is over,controlling",
    ]  # fmt: skip
    path = tmp_path / "deployment" / "reference" / "exception_rules.csv"
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    book.stated = True
    book.night(
        [row("A"), row("B", entity="ALL"), row("C", control="C10"), row("D", control="C10", entity="ALL")]
    )
    found = book.rows()
    assert {key: (found[key]["deadline_on"] - DAY).days for key in found} == {"A": 2, "B": 7, "C": 3, "D": 20}
    book.night([row("A")], days=3)
    assert book.one("A")["escalated_to"] == "head of T1"
    path.write_text(path.read_text(encoding="utf-8").replace("low,7", "low,-1"), encoding="utf-8")
    with pytest.raises(Exception, match="-1 is too small"):
        _ = book.rules


def test_acts_that_do_not_suit_are_refused_row_by_row_with_the_reason(book: Book) -> None:
    book.night([row("A", "500"), row("B", "2000"), row("C"), row("D")])
    book.act("resolve", "C")
    done = book.act(
        "waive",
        wanted=Filter(status=tables.STATUSES),
        valid_until=DAY,
        limit_group=Decimal(1000),
        actor="grace",
    )
    assert set(done.changed) == {key_of("A"), key_of("D")}
    assert done.refused == {
        key_of("B"): "its amount 2000.0000 is above the limit 1000",
        key_of("C"): "it is resolved: reopen it first",
    }
    assert (
        book.act("waive", "B", valid_until=DAY - timedelta(1))
        .refused[key_of("B")]
        .startswith("2026-02-28 is over already")
    )
    assert book.act("reopen", "B").refused == {key_of("B"): "it is open already"}
    assert (book.one("A")["disposed_by"], book.one("A")["disposition_reason"]) == ("grace", "because")
    for how, why in (({"reason": " "}, "needs a reason"), ({}, "needs an end")):
        with pytest.raises(OperationsError, match=why):
            book.act("waive", "A", **how)
    with pytest.raises(OperationsError, match="no exception fits"):
        book.act("explain", wanted=Filter(control=["C25"]))
    assert book.act("reopen", "C", "A").refused == {}
    assert book.one("A")["limit_group"] is None
    assert book.act("assign", "A", assignee="bob").changed
    assert book.one("A")["status"] == "assigned"
    assert book.act("assign", "A", assignee=None).changed
    assert book.one("A")["status"] == "open"


def test_a_dry_run_changes_nothing_and_a_row_that_moved_is_stale(either: Book) -> None:
    either.night([row("A"), row("B")])
    versions = {found["exception_id"]: found["version"] for found in either.rows().values()}
    before = either.dump()
    assert len(either.act("explain", "A", "B", dry_run=True).changed) == 2
    assert either.dump() == before
    either.act("assign", "A", assignee="bob")
    done = either.act("resolve", "A", "B", expected=versions)
    assert (done.changed, done.stale) == ((key_of("B"),), (key_of("A"),))
    assert (either.one("A")["status"], either.one("B")["status"]) == ("assigned", "resolved")
    # A night that only sees it again does not make it stale.
    versions = {found["exception_id"]: found["version"] for found in either.rows().values()}
    either.night([row("A")], days=1)
    assert either.act("explain", "A", expected={key_of("A"): versions[key_of("A")]}).stale == ()


def test_filters_by_amount_are_exact_and_worst_comes_first(either: Book) -> None:
    amounts = ["9", "10", "10.0001", "100", "99999999999999999.9999", None, "1000", "25000"]
    either.night([row(f"K{number}", amount) for number, amount in enumerate(amounts)])

    def found(**how: object) -> list[str]:
        return find(either.operations, Filter(**how), DAY).rows["business_key"].to_list()  # type: ignore[arg-type]

    assert found() == ["K4", "K7", "K6", "K3", "K2", "K1", "K0", "K5"]
    assert found(min_amount=Decimal("10.0001"), max_amount=Decimal(100)) == ["K3", "K2"]
    assert found(max_amount=Decimal(10)) == ["K1", "K0"]
    assert found(severity=["medium", "high"]) == ["K7", "K6"]
    assert found(key="K4") == ["K4"]
    page = find(either.operations, Filter(), DAY, limit=2)
    assert (page.total, page.truncated, page.without_amount) == (8, True, 1)
    assert page.amount_group == sum((Decimal(amount) for amount in amounts if amount), Decimal(0))
    either.night([row("K0", "9")], days=9)
    assert find(either.operations, Filter(max_age=8), either.day).total == 0
    assert find(either.operations, Filter(min_age=9), either.day).rows["age_days"].to_list() == [9]


def test_one_is_found_by_the_beginning_of_its_id_with_its_history(book: Book) -> None:
    book.night([row("A"), row("B")])
    known, entries = look(book.operations, key_of("A")[:8])
    assert known["business_key"] == "A"
    assert entries["event"].to_list() == ["opened"]
    assert entries["details"][0] == '{"amount_group":"100.0000","severity":"low","period":"months:2026-P01"}'
    for text, why in (("abc", "is no id"), ("0" * 8, "no exception"), ("zz%%%%%", "is no id")):
        with pytest.raises(OperationsError, match=why):
            look(book.operations, text)


@pytest.mark.parametrize(
    ("statement", "broken", "why"),
    [
        ("update exception_history set actor = 'eve' where seq = 3", 3, "was changed after it was written"),
        ("update exception_history set details = '{}' where seq = 2", 2, "was changed after it was written"),
        ("delete from exception_history where seq = 2", 2, "is missing; after it comes 3"),
        (
            "delete from exception_history where seq = 4",
            4,
            "is missing: 3 entries are there and 4 were written",
        ),
        (
            "update exception_register set status = 'waived' where business_key = 'B'",
            4,
            "which stands as waived",
        ),
        ("delete from exception_register where business_key = 'A'", 3, "is not in the register any more"),
    ],
)
def test_the_first_broken_entry_is_named(either: Book, statement: str, broken: int, why: str) -> None:
    either.night([row("A"), row("B")])
    either.act("assign", "A", assignee="bob")
    either.act("assign", "B", assignee="bob")
    assert (verify(either.operations).holds, verify(either.operations).entries) == (True, 4)
    with either.operations.engine.connect() as connection:
        if either.operations.dialect == "sqlite":
            for verb in ("UPDATE", "DELETE"):
                connection.exec_driver_sql(f"drop trigger exception_history_no_{verb}")
        else:
            connection.exec_driver_sql("alter table exception_history disable trigger user")
        connection.exec_driver_sql(statement)
        connection.commit()
    verdict = verify(either.operations)
    assert not verdict.holds
    assert why in verdict.why
    assert verdict.broken == broken


@pytest.mark.parametrize(
    "statement", ["update exception_history set actor = 'eve'", "delete from exception_history"]
)
def test_the_history_takes_no_change(either: Book, statement: str) -> None:
    either.night([row("A")])
    with (
        either.operations.engine.connect() as connection,
        pytest.raises(sa.exc.DBAPIError, match="append-only"),
    ):
        connection.exec_driver_sql(statement)


def test_amounts_are_stored_as_exact_text_on_sqlite(book: Book) -> None:
    book.night([row("A", "0.1")])
    with book.operations.reading() as connection:
        found = connection.exec_driver_sql(
            "select typeof(amount_group), amount_group from exception_register"
        ).one()
    assert tuple(found) == ("text", "0.1000")


def test_a_database_of_a_newer_version_is_left_alone(book: Book, tmp_path: Path) -> None:
    with book.operations.engine.connect() as connection:
        connection.exec_driver_sql("update alembic_version set version_num = '9999'")
        connection.commit()
    with pytest.raises(OperationsError, match="has revision 9999, which this version does not know"):
        open_operations(load_settings(home=tmp_path))
    with pytest.raises(OperationsError, match="cannot live in mysql"):
        open_operations(load_settings(home=tmp_path, operations_dsn="mysql://x/y"))


def test_published_relations_have_a_state_that_moves_with_them_only(book: Book, tmp_path: Path) -> None:
    from finance_sync.exceptions.published import register_relations

    settings = load_settings(home=tmp_path)
    book.night([row("A", "12.5")])
    states = [item.state for item in register_relations(settings)]
    book.night([row("A", "12.5")], again=True)
    register, history, runs = register_relations(settings)
    assert [register.state, history.state, runs.state] == states
    table = pl.DataFrame(pl.from_arrow(register.read()))
    assert table.select("age_days", "is_there", "is_overdue", "amount_group").rows() == [
        (0, True, False, Decimal("12.5"))
    ]
    assert history.read().num_rows == 1
    assert runs.read().column("business_date").to_pylist() == [book.day]
    book.night([row("A", "12.5")], days=2)
    assert [item.state for item in register_relations(settings)] != states
    empty = [item.read() for item in register_relations(load_settings(home=tmp_path / "none"))]
    assert [part.schema for part in empty] == [item.read().schema for item in (register, history, runs)]
    assert [part.num_rows for part in empty] == [0, 0, 0]
