"""A publication made by hand, and the report read back as a browser would.

Belongs here: the published file, the parser. Does not: expectations (tests).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache
from hashlib import md5
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import yaml

from finance_sync.catalog import Deployment, load_deployment
from finance_sync.exceptions import tables as register_tables
from finance_sync.settings import PROJECT_ROOT, Settings, load_settings
from finance_sync.warehouse.publish import READER_FILE

DAY = date(2026, 5, 18)
VERSION = "0123456789abcdef"
MARTS = PROJECT_ROOT / "dbt_project" / "models" / "marts"
_KINDS = {"text": "varchar", "amount": "numeric(28,4)", "date": "date", "integer": "bigint"}


@cache
def contracts() -> dict[str, dict[str, str]]:
    """Published relation -> column -> type, from the models' own contracts and the register's tables."""
    found: dict[str, dict[str, str]] = {}
    for name in ("_marts.yml", "_p2p_marts.yml"):
        for model in yaml.safe_load((MARTS / name).read_text())["models"]:
            found[model["name"]] = {
                demo().segments.get(column["name"], column["name"]): column["data_type"]
                for column in model["columns"]
                if not column["name"].startswith("segment_") or column["name"] in demo().segments
            }
    register = {name: _KINDS[kind] for name, kind in register_tables.COLUMNS.items()}
    found["exception_register"] = {
        **register,
        "age_days": "bigint",
        "is_there": "boolean",
        "is_overdue": "boolean",
    }
    found["exception_history"] = {
        name: _KINDS[kind] for name, kind in register_tables.HISTORY.items() if name != "prev_hash"
    }
    found["exception_run"] = {"run_id": "varchar", "business_date": "date", "at": "varchar"}
    return found


@dataclass
class Published:
    """A publication that a test fills."""

    settings: Settings
    deployment: Deployment
    connection: duckdb.DuckDBPyConnection

    def add(self, relation: str, *rows: Mapping[str, Any]) -> None:
        """Append rows; columns that are not given are NULL."""
        for row in rows:
            names = ", ".join(f'"{name}"' for name in row)
            places = ", ".join("?" for _ in row)
            self.connection.execute(f"insert into {relation} ({names}) values ({places})", [*row.values()])

    def close(self) -> None:
        """Let readers in."""
        self.connection.commit()
        self.connection.close()

    def drop(self, *relations: str) -> None:
        for relation in relations:
            self.connection.execute(f"drop table {relation}")

    def html(self, **options: Any) -> str:
        """The report as text; closes the publication for writing."""
        from finance_sync.reports import render_report

        self.close()
        return render_report(self.settings, self.deployment, **options)[0]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a query gives, by a connection of its own."""
        path = self.settings.publish_dir / "current" / READER_FILE
        with duckdb.connect(str(path), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def one(self, sql: str) -> Any:
        return self.rows(sql)[0][0]


@cache
def demo() -> Deployment:
    """The demo deployment: five entities, five currencies, two calendars."""
    return load_deployment(load_settings(as_of=DAY, deployment=PROJECT_ROOT / "data" / "demo"))


def new_publication(home: Path) -> Published:
    """An empty publication of the demo deployment."""
    folder = home / "publish" / "versions" / VERSION
    folder.mkdir(parents=True)
    found = opened(home)
    for relation, columns in contracts().items():
        said = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        found.connection.execute(f"create table {relation} ({said})")
    return found


def opened(home: Path) -> Published:
    """The publication of a home, to be filled; in one transaction until it is closed."""
    settings = load_settings(home=home, as_of=DAY, deployment=PROJECT_ROOT / "data" / "demo")
    current = settings.publish_dir / "current"
    if not current.is_symlink():
        current.symlink_to(Path("versions") / VERSION)
    connection = duckdb.connect(str(current / READER_FILE))
    connection.begin()
    return Published(settings, demo(), connection)


def cell(entity: str, period: str, name: str, **values: Any) -> dict[str, Any]:
    """A row of mart_commitment_vs_actual; amounts not given are zero."""
    amounts = {
        column: Decimal(0)
        for column, kind in contracts()["mart_commitment_vs_actual"].items()
        if kind.startswith("numeric")
    }
    currency = {"US01": "USD", "DE01": "EUR", "GB01": "GBP", "JP01": "JPY", "KW01": "KWD"}.get(entity)
    return {
        "legal_entity_id": entity, "fiscal_period_id": period, "fiscal_year": 2026, "control_cost_center_id": f"{entity}-1",
        "control_account_id": "6100", "control_account_name": "Materials", "account_type": "expense", "project_id": "NONE",
        "cell_id": f"{entity}-{name}", "currency_code": currency, "funds_window": "year_to_date", "exceptions_in_question": 0,
        **amounts, **values,
    }  # fmt: skip


def finding(key: str, amount: str | None, **values: Any) -> dict[str, Any]:
    """A row of mart_exceptions."""
    control = values.get("control_id", "C07")
    return {
        "exception_id": md5(f"{control}{key}".encode()).hexdigest(), "control_id": control, "control_name": "Three-way match",
        "legal_entity_id": "DE01", "fiscal_period_id": "MONTH:2026-P05", "severity": "low", "status": "amount",
        "reason_code": "x", "business_key": key, "aspect": "", "message": f"{key} does not agree", "left_system_name": "Procurement",
        "right_system_name": "General ledger", "currency_code": "EUR", "functional_currency": "EUR",
        "amount_group": None if amount is None else Decimal(amount), "owner": "accounts-payable", "is_blocking": False,
        "remedy": "Compare the documents.", **values,
    }  # fmt: skip


def registered(row: Mapping[str, Any], **values: Any) -> dict[str, Any]:
    """A row of exception_register for a finding."""
    shared = {
        name: row.get(name)
        for name in register_tables.COLUMNS
        if name in row and name not in {"status", "severity"}
    }
    return {
        **shared, "finding": "amount", "status": "open", "severity": row["severity"], "age_days": 3, "is_there": True,
        "is_overdue": False, "deadline_on": date(2026, 6, 1), **values,
    }  # fmt: skip


@dataclass(repr=False)
class Element:
    """One element of the page."""

    tag: str
    attributes: dict[str, str]
    parents: tuple[Element, ...]
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def values(self) -> list[str]:
        """The exact values in it, in order."""
        return [element.attributes["value"] for element in self.inner() if element.tag == "data"]

    def shown(self) -> list[str]:
        """What people read of them."""
        return [element.text for element in self.inner() if element.tag == "data"]

    def inner(self) -> Iterable[Element]:
        for child in self.children:
            yield child
            yield from child.inner()


class Page(HTMLParser):
    """A page as elements."""

    VOID = frozenset({"meta", "br", "rect", "line"})

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.all: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)
        self.close()
        assert not self._open, [element.tag for element in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs)
        element = Element(tag, {name: value or "" for name, value in attrs}, tuple(self._open))
        self.all.append(element)
        if self._open:
            self._open[-1].children.append(element)
        if tag not in self.VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def find(self, tag: str = "", **attributes: str) -> list[Element]:
        """Elements with a tag and attributes; ``data_x`` is ``data-x``."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [
            element
            for element in self.all
            if (not tag or element.tag == tag) and wanted.items() <= element.attributes.items()
        ]

    def one(self, tag: str = "", **attributes: str) -> Element:
        (element,) = self.find(tag, **attributes)
        return element

    @property
    def text(self) -> str:
        return self.all[0].text
