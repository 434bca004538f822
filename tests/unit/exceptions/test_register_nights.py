"""Many nights: the register against a plain model, against a simulator's key, and with several hands at once."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import polars as pl
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from register_kit import DAY, Book, key_of, new_book, row

from finance_sync.exceptions import tables
from finance_sync.exceptions.dispositions import Disposition, dispose
from finance_sync.exceptions.history import Act, verify
from finance_sync.exceptions.life import FOUND, Night, advance, empty_known
from finance_sync.exceptions.rules import Rules
from finance_sync.exceptions.sync import as_found

KEYS = ("A", "B", "C")
AMOUNTS = ("0.01", "999.99", "1000", "1001", "30000")
SEVERITY = (("1000000", "critical", 1), ("25000", "high", 5), ("1000", "medium", 10), ("0", "low", 20))
RAISED = {"low": ("medium", 90), "medium": ("high", 60), "high": ("critical", 30)}
DAYS = {name: days for _, name, days in SEVERITY}


@dataclass
class Plain:
    """One exception as SPEC 8 says it, in plain words. Times of day, entities and queues are not part of it."""

    amount: Decimal
    opened: date
    due_from: date
    status: str = "open"
    assignee: str | None = None
    until: date | None = None
    limit: Decimal | None = None
    gone: bool = False
    times_seen: int = 1
    times_opened: int = 1

    def _reopen(self, day: date) -> None:
        self.status = "assigned" if self.assignee else "open"
        self.due_from, self.until, self.limit = day, None, None
        self.times_opened += 1

    def found(self, amount: Decimal, day: date) -> None:
        self.times_seen += 1
        self.amount = amount
        if self.gone:
            self.gone, self.opened = False, day
            self._reopen(day)
        elif self.status == "resolved":
            self._reopen(day)
        else:
            self.judge(day)

    def judge(self, day: date) -> None:
        if self.status in {"explained", "waived"} and (
            (self.limit is not None and self.amount > self.limit)
            or (self.until is not None and self.until < day)
        ):
            self._reopen(day)

    def vanished(self) -> None:
        if not self.gone:
            self.gone, self.status = True, "resolved"

    def severity(self, day: date) -> str:
        name = next(name for least, name, _ in SEVERITY if self.amount >= Decimal(least))
        above, age = RAISED.get(name, (name, 10**6))
        return above if (day - self.opened).days >= age else name


class Life(RuleBasedStateMachine):
    """Random nights and acts, on frames alone (the database has tests of its own)."""

    def __init__(self) -> None:
        super().__init__()
        self.day, self.number = DAY, 0
        self.model: dict[str, Plain] = {}

    @initialize()
    def begin(self) -> None:
        self.register = empty_known()
        self.events: list[tuple[str, str | None, str]] = []

    def _apply(self, changed: pl.DataFrame, columns: list[str], events: pl.DataFrame) -> None:
        bumped = changed.select("exception_id", *columns)
        kept = self.register.join(bumped.select("exception_id"), on="exception_id", how="anti")
        moved = self.register.join(bumped.select("exception_id"), on="exception_id").drop(columns)
        moved = moved.join(bumped, on="exception_id").select(kept.columns)
        self.register = pl.concat([kept, moved.with_columns(pl.col("version") + 1)])
        self.events += list(events.select("exception_id", "from_status", "to_status").iter_rows())

    @rule(
        present=st.dictionaries(st.sampled_from(KEYS), st.sampled_from(AMOUNTS)),
        days=st.sampled_from((0, 1, 7, 31)),
        closing=st.booleans(),
    )
    def night(self, present: dict[str, str], days: int, closing: bool) -> None:
        self.day += timedelta(days)
        self.number += 1
        found = as_found(
            pl.DataFrame(
                [row(key, amount) for key, amount in present.items()],
                schema=tables.schema_of(FOUND),
                orient="row",
            )
        )
        judged = pl.DataFrame(
            [("T1", "months:2026-P01")], schema=["legal_entity_id", "fiscal_period_id"], orient="row"
        )
        night = Night(f"run-{self.number}", self.day, True, closing, judged)
        rules = replace(RULES, today={"": self.day})
        known = self.register.filter(
            pl.col("gone_on").is_null() | pl.col("exception_id").is_in(found["exception_id"].to_list())
        )
        changes = advance(known, found, night, rules)
        columns = [name for name in changes.updated.columns if name != "exception_id"]
        self._apply(changes.updated, columns, changes.events)
        seen = pl.col("exception_id").is_in(changes.seen["exception_id"].to_list())
        self.register = self.register.with_columns(
            (pl.col("times_seen") + seen.cast(pl.Int64)).alias("times_seen"),
            pl.when(seen).then(pl.lit(self.day)).otherwise("last_seen_on").alias("last_seen_on"),
        )
        self.register = pl.concat([self.register, changes.inserted])
        # The same night once more changes nothing.
        again = advance(
            self.register.filter(pl.col("gone_on").is_null()), found, replace(night, sighting=False), rules
        )
        assert (again.inserted.height, again.updated.height, again.seen.height, again.events.height) == (
            0,
            0,
            0,
            0,
        )

        for key, amount in present.items():
            if key in self.model:
                self.model[key].found(Decimal(amount), self.day)
            else:
                self.model[key] = Plain(Decimal(amount), self.day, self.day)
        for key, plain in self.model.items():
            if key not in present:
                if closing:
                    plain.vanished()
                elif not plain.gone:
                    plain.judge(self.day)

    @rule(
        key=st.sampled_from(KEYS),
        verb=st.sampled_from(("assign", "explain", "waive", "resolve", "reopen")),
        who=st.sampled_from(("bob", None)),
        lasts=st.sampled_from((-1, 0, 3, 40)),
        limit=st.sampled_from((None, "1000", "50000")),
    )
    def act(self, key: str, verb: Any, who: str | None, lasts: int, limit: str | None) -> None:
        until, most = self.day + timedelta(lasts), None if limit is None else Decimal(limit)
        limited = verb in {"explain", "waive"}
        wanted = Disposition(
            verb,
            "because",
            who if verb == "assign" else None,
            until if limited else None,
            most if limited else None,
        )
        act = Act("ada", BOOK.now, self.day)
        outcome = dispose(self.register.filter(pl.col("business_key") == key), wanted, act, {"": self.day})
        plain = self.model.get(key)
        fits = plain is not None and not plain.gone
        if fits and plain is not None:
            if verb == "reopen":
                fits = plain.status in {"explained", "waived", "resolved"}
            else:
                fits = plain.status != "resolved" and not (
                    limited and (lasts < 0 or (most is not None and plain.amount > most))
                )
        assert outcome.changed.height == fits
        if plain is not None:
            assert outcome.refused.height == (not fits)
        self._apply(outcome.changed, list(tables.LIFE), outcome.events)
        if fits and plain is not None:
            if verb == "assign":
                plain.assignee = who
                if plain.status in {"open", "assigned"}:
                    plain.status = "assigned" if who else "open"
            elif verb == "reopen":
                plain._reopen(self.day)
            else:
                plain.status = {"explain": "explained", "waive": "waived", "resolve": "resolved"}[verb]
                plain.until = until if limited else None
                plain.limit = (most or (plain.amount if verb == "waive" else None)) if limited else None

    @invariant()
    def the_register_is_what_the_model_says(self) -> None:
        found = {one["business_key"]: one for one in self.register.iter_rows(named=True)}
        assert set(found) == set(self.model)
        for key, plain in self.model.items():
            one = found[key]
            assert (
                one["status"], one["assignee"], one["amount_group"], one["opened_on"], one["due_from"], one["valid_until"],
                one["limit_group"], one["gone_on"] is not None, one["times_seen"], one["times_opened"],
            ) == (
                plain.status, plain.assignee, plain.amount, plain.opened, plain.due_from,
                one["valid_until"] if plain.gone else plain.until, one["limit_group"] if plain.gone else plain.limit, plain.gone,
                plain.times_seen, plain.times_opened,
            )  # fmt: skip
            # Every status was told: the history ends where the register stands, and each entry begins where the last one ended.
            told = [(before, after) for name, before, after in self.events if name == one["exception_id"]]
            assert told[-1][1] == one["status"]
            assert [before for before, _ in told[1:]] == [after for _, after in told[:-1]]

    @invariant()
    def severity_and_deadline_are_those_of_the_last_night(self) -> None:
        if self.events and self.register.height:
            for one in self.register.filter(pl.col("last_seen_on") == self.day).iter_rows(named=True):
                plain = self.model[one["business_key"]]
                if one["status"] in {"open", "assigned"} and one["due_from"] == self.day:
                    assert one["severity"] == plain.severity(self.day)
                    assert (one["deadline_on"] - one["due_from"]).days == DAYS[one["severity"]]


BOOK = Book(None, Path(mkdtemp()))  # type: ignore[arg-type]
RULES: Rules = BOOK.rules
Life.TestCase.settings = settings(
    max_examples=12, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck)
)
TestLife = Life.TestCase


def test_a_hundred_nights_against_the_simulators_key(book: Book) -> None:
    """Problems appear, change, vanish and return: each is one exception, none is lost, ages are exact."""
    dice, rules = random.Random(7), book.rules
    there: dict[str, tuple[str, date]] = {}
    life: dict[str, dict[str, Any]] = {}
    returned = 0
    for number in range(100):
        book.day = DAY + timedelta(number)
        left = [key for key in there if dice.random() < 0.10]
        for key in left:
            del there[key]
            life[key]["gone"] = book.day
        for _ in range(dice.randint(0, 6)):
            key = f"K{dice.randint(0, 150)}"
            if key not in there and key not in left:
                there[key] = (f"{dice.randint(1, 4_000_000)}.{dice.randint(0, 9999):04d}", book.day)
                known = life.setdefault(key, {"first": book.day, "seen": 0, "opened": 0})
                returned += known["opened"] > 0
                known.update(gone=None, since=book.day, opened=known["opened"] + 1)
        for key in [key for key in there if dice.random() < 0.05]:
            there[key] = (f"{dice.randint(1, 4_000_000)}.5000", there[key][1])
        for key, (amount, _) in there.items():
            life[key].update(seen=life[key]["seen"] + 1, last=book.day, now=amount)
            life[key].setdefault("then", amount)
        rows = [row(key, amount) for key, (amount, _) in there.items()]
        dice.shuffle(rows)
        book.night(rows, rules=replace(rules, today={"": book.day}))

    found = book.rows()
    assert returned > 20
    assert set(found) == set(life)
    for key, known in life.items():
        one = found[key]
        assert (
            one["first_seen_on"], one["last_seen_on"], one["times_seen"], one["times_opened"], one["opened_on"], one["gone_on"],
            one["first_amount_group"], one["amount_group"], one["status"],
        ) == (
            known["first"], known["last"], known["seen"], known["opened"], known["since"], known["gone"],
            Decimal(known["then"]), Decimal(known["now"]), "resolved" if known["gone"] else "open",
        ), key  # fmt: skip
    assert verify(book.operations).holds


def test_two_controllers_and_runs_at_the_same_time_lose_nothing(
    either: Book, reopen: Callable[[Book], Book]
) -> None:
    rows = [row(f"K{number}") for number in range(12)]
    keys = [f"K{number}" for number in range(12)]
    either.night(rows)
    failures: list[BaseException] = []

    def hand(work: Callable[[Book], None]) -> threading.Thread:
        def body() -> None:
            try:
                own = reopen(either)
                work(own)
            except BaseException as error:  # noqa: BLE001
                failures.append(error)

        return threading.Thread(target=body)

    def controller(name: str, mine: list[str]) -> Callable[[Book], None]:
        def work(own: Book) -> None:
            for key in mine:
                own.act("assign", key, assignee=name, actor=name)
                own.act("explain", key, reason=f"{name} knows {key}", actor=name)

        return work

    def nights(own: Book) -> None:
        own.nights = 1
        for number in range(6):
            changed = [row(key, f"{100 + number}.5") for key in keys]
            own.night(changed)

    # Both work on K0 to K3, each has four of its own, and runs change every amount meanwhile.
    threads = [
        hand(controller("ada", keys[:8])),
        hand(controller("bob", [*keys[:4], *keys[8:]])),
        hand(nights),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    found = either.rows()
    assert {found[key]["amount_group"] for key in keys} == {Decimal("105.5")}
    assert {found[key]["times_seen"] for key in keys} == {7}
    assert {found[key]["status"] for key in keys} == {"explained"}
    assert {found[key]["assignee"] for key in keys[4:8]} == {"ada"}
    assert {found[key]["assignee"] for key in keys[8:]} == {"bob"}
    for key in keys[:4]:  # the last word of one of them stands, and both are told
        told = either.events(key)
        assert (told.count("assigned"), told.count("explained"), told.count("changed")) == (2, 2, 6)
        assert found[key]["disposition_reason"] in {f"ada knows {key}", f"bob knows {key}"}
    assert verify(either.operations).holds


def test_a_sync_that_breaks_off_leaves_the_register_as_it_was(either: Book, monkeypatch: Any) -> None:
    from finance_sync.exceptions import sync

    either.night([row("A"), row("B")])
    before = either.dump()

    def fail(*_: Any) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(sync.history, "append", fail)
        try:
            either.night([row("C")], days=1)
        except OSError:
            pass
        else:
            raise AssertionError("it went on")
    assert either.dump() == before
    assert either.night([row("C")], again=True).counts == {"opened": 1, "gone": 2}


def test_two_processes_make_a_new_database_at_once(tmp_path: Path) -> None:
    books: list[Any] = []
    threads = [threading.Thread(target=lambda: books.append(new_book(tmp_path))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(books) == 4
    assert books[0].night([row("A")]).live == 1
    assert books[3].one("A")["exception_id"] == key_of("A")
