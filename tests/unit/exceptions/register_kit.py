"""A register in an empty database, and nights that list what a test says.

Belongs here: simulated marts, short calls. Does not: a plain model of the life cycle (the tests have it).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa
from pydantic import SecretStr

from finance_sync.catalog import load_deployment
from finance_sync.exceptions import tables
from finance_sync.exceptions.dispositions import Disposition
from finance_sync.exceptions.history import Act
from finance_sync.exceptions.life import FOUND
from finance_sync.exceptions.rules import Rules, rules_of
from finance_sync.exceptions.sync import Listed, Synced, as_found, sync
from finance_sync.exceptions.work import Done, Filter, work
from finance_sync.operations import Operations, open_operations
from finance_sync.settings import PROJECT_ROOT, load_settings

TINY = PROJECT_ROOT / "tests" / "deployments" / "tiny"
DAY = date(2026, 3, 1)
P1, P2 = "months:2026-P01", "months:2026-P02"


def key_of(key: str, control: str = "C07", entity: str = "T1", aspect: str = "price") -> str:
    """The mart's exception_id."""
    return hashlib.md5(f"{control}|{entity}|{key}|{aspect}".encode()).hexdigest()


def row(
    key: str,
    amount: str | None = "100",
    *,
    control: str = "C07",
    entity: str = "T1",
    period: str = P1,
    **more: Any,
) -> dict[str, Any]:
    """One row of mart_exceptions."""
    value = None if amount is None else Decimal(amount)
    base = dict.fromkeys(FOUND) | {
        "exception_id": key_of(key, control, entity), "control_id": control, "legal_entity_id": entity, "business_key": key,
        "aspect": "price", "fiscal_period_id": period, "finding": "price", "reason_code": "price_differs",
        "owner": "accounts-payable", "amount_functional": value, "amount_group": value, "functional_currency": "EUR",
        "currency_code": "EUR", "message": f"{key} differs",
    }  # fmt: skip
    return base | more


@dataclass
class Book:
    """A register and the days that pass."""

    operations: Operations
    home: Path
    deployment_dir: Path = TINY
    day: date = DAY
    nights: int = 0
    stated: bool = True
    now: datetime = datetime(2026, 3, 1, 2, tzinfo=UTC)
    judged: list[tuple[str, str]] = field(
        default_factory=lambda: [(e, p) for e in ("T1", "T2", "ALL") for p in (P1, P2, "ALL", "UNMAPPED")]
    )

    @property
    def rules(self) -> Rules:
        settings = load_settings(
            deployment=self.deployment_dir, home=self.home, as_of=self.day if self.stated else None
        )
        return rules_of(settings, load_deployment(settings), self.now)

    def night(
        self, rows: Iterable[Mapping[str, Any]], *, days: int = 0, again: bool = False, **how: Any
    ) -> Synced:
        """A run after so many days that lists these rows; ``again``: the same build as the last."""
        self.day += timedelta(days=days)
        self.nights += not again
        frame = as_found(pl.DataFrame(list(rows), schema=tables.schema_of(FOUND), orient="row"))
        judged = pl.DataFrame(self.judged, schema=["legal_entity_id", "fiscal_period_id"], orient="row")
        listed = Listed(f"build-{self.nights}", frame, judged, frozenset(how.pop("not_applicable", ())))
        return sync(
            self.operations, listed, how.pop("rules", None) or self.rules, run_id=f"run-{self.nights}", business_date=self.day,
            now=self.now, **how,
        )  # fmt: skip

    def act(
        self, verb: Any, *keys: str, actor: str = "ada", wanted: Filter | None = None, **how: Any
    ) -> Done:
        """A person's act on the exceptions of these keys."""
        extra = {name: how.pop(name) for name in ("expected", "dry_run") if name in how}
        if verb != "assign":
            how.setdefault("reason", "because")
        chosen = wanted or Filter(ids=[key_of(key) for key in keys])
        return work(
            self.operations,
            chosen,
            Disposition(verb, **how),
            Act(actor, self.now, self.day),
            self.rules.today,
            **extra,
        )

    def rows(self) -> dict[str, dict[str, Any]]:
        """The register by business key."""
        with self.operations.reading() as connection:
            frame = tables.read_frame(connection, sa.select(tables.register))
        return {found["business_key"]: found for found in frame.iter_rows(named=True)}

    def one(self, key: str) -> dict[str, Any]:
        return self.rows()[key]

    def events(self, key: str | None = None) -> list[str]:
        with self.operations.reading() as connection:
            frame = tables.read_frame(
                connection, sa.select(tables.history).order_by(tables.history.c.seq), tables.HISTORY
            )
        if key is not None:
            frame = frame.filter(pl.col("exception_id") == key_of(key))
        return frame["event"].to_list()

    def dump(self) -> tuple[list[Any], list[Any]]:
        """Every value of both tables."""
        with self.operations.reading() as connection:
            return (
                list(connection.execute(sa.select(tables.register).order_by(tables.register.c.exception_id))),
                list(connection.execute(sa.select(tables.history).order_by(tables.history.c.seq))),
            )


def new_book(home: Path, dsn: str | None = None) -> Book:
    """An empty register: SQLite in the home, or the server of the DSN."""
    settings = load_settings(home=home, operations_dsn=SecretStr(dsn) if dsn else None)
    operations = open_operations(settings)
    assert operations is not None
    return Book(operations, home)
