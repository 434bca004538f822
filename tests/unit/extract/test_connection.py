"""Connections: placeholders, secrets, and a host that does not answer."""

from __future__ import annotations

import socket
import time
from datetime import datetime
from pathlib import Path

import pytest

from finance_sync.catalog.models import SourceObject, System
from finance_sync.errors import SourceError
from finance_sync.extract.columns import column_of
from finance_sync.extract.connection import Address, address_of, require_host
from finance_sync.extract.sql import local_start
from finance_sync.settings import load_settings


def _system(url: str) -> System:
    spec = {
        "read": {"kind": "sql", "table": "t"},
        "key": ["a"],
        "delta": {"mode": "full"},
        "fields": {"a": {}},
    }
    return System.model_validate(
        {
            "system": "s",
            "title": "S",
            "role": "erp",
            "owner": "o",
            "connection": {"kind": "sql", "url": url},
            "objects": {"x": spec},
        }
    )


def test_placeholders_are_filled_and_secrets_masked(tmp_path: Path) -> None:
    settings = load_settings(
        home=tmp_path, deployment=tmp_path, sources={"HOST": "db", "DB_PASSWORD": "s3cr/t"}
    )
    address = address_of(
        settings, _system("postgresql://me:${DB_PASSWORD}@${HOST}/x?file={home}&sslkey=kkkk")
    )
    assert address.url == f"postgresql://me:s3cr/t@db/x?file={tmp_path}&sslkey=kkkk"
    shown = address.scrub(f"could not open {address.url}")
    assert "s3cr" not in shown
    assert "kkkk" not in shown
    assert "db/x" in shown


def test_a_placeholder_without_value_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"system s: connection\.url needs \$\{NOWHERE_1\}"):
        address_of(load_settings(home=tmp_path), _system("${NOWHERE_1}/x"))


def test_a_silent_host_fails_at_once_and_the_message_keeps_the_password() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    began = time.monotonic()
    with pytest.raises(
        SourceError, match=rf"s\.x: the database at 127\.0\.0\.1:{port} does not answer"
    ) as caught:
        require_host(Address(f"postgresql://me:hidden@127.0.0.1:{port}/x", ("hidden",)), "s.x")
    assert time.monotonic() - began < 5
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("url", ["sqlite:////tmp/x.db", "postgresql://me:x@/db?host=/tmp"])
def test_local_databases_need_no_host(url: str) -> None:
    require_host(Address(url, ()), "s.x")


@pytest.mark.parametrize(
    ("start", "zone", "local"),
    [
        ("2026-06-01 10:00", "UTC", "2026-06-01 10:00"),
        ("2026-06-01 10:00", "Europe/Berlin", "2026-06-01 12:00"),
        # Clocks go back at 01:00 UTC: an hour is lived twice, so the window starts an hour earlier, for a while.
        ("2026-10-25 01:30", "Europe/Berlin", "2026-10-25 01:30"),
        ("2026-10-25 08:00", "Europe/Berlin", "2026-10-25 09:00"),
    ],
)  # fmt: skip
def test_a_window_starts_in_the_sources_zone(start: str, zone: str, local: str) -> None:
    assert local_start(datetime.fromisoformat(start), zone) == datetime.fromisoformat(local)


def _spec(**field: object) -> SourceObject:
    read = {"kind": "file", "path": "x.csv", "has_header": "position" not in field}
    return SourceObject.model_validate(
        {"read": read, "key": ["amount"], "delta": {"mode": "full"}, "fields": {"amount": field}}
    )


@pytest.mark.parametrize(
    ("field", "columns", "expected"),
    [
        ({}, ["amount", "Amount"], "amount"),
        ({}, ["x", " amount "], " amount "),
        ({}, ["x", "AMOUNT"], "AMOUNT"),
        ({"header": " Adopted "}, ["Adopted", " Adopted "], " Adopted "),
        ({"position": 2}, ["column_1", "column_2"], "column_2"),
    ],
)  # fmt: skip
def test_a_field_finds_its_column(field: dict[str, object], columns: list[str], expected: str) -> None:
    assert column_of(_spec(**field), "amount", columns, "s.o") == expected


@pytest.mark.parametrize(
    ("field", "columns", "words"),
    [
        ({}, ["id", "amountt"], "column 'amount' .field 'amount'. is missing; found: id, amountt -> did the source rename it to 'amountt'"),
        ({}, ["id", "zzz"], "found: id, zzz -> have the column delivered again"),
        ({}, ["Amount", "AMOUNT"], "is missing"),  # either could be meant
        ({"position": 3}, ["column_1"], "column 3 .field 'amount'. is missing: the file has 1 columns"),
    ],
)  # fmt: skip
def test_a_missing_column_is_named_with_what_was_found(
    field: dict[str, object], columns: list[str], words: str
) -> None:
    with pytest.raises(SourceError, match=words):
        column_of(_spec(**field), "amount", columns, "s.o")
