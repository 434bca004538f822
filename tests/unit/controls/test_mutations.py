"""Every control has deliberate mistakes, each of which can still be made; `python -m tests.mutation` makes them."""

from __future__ import annotations

import pytest

from finance_sync.catalog.product import controls
from tests.mutation.catalog import Mutation, mutations, rounds


def test_every_control_has_mistakes() -> None:
    assert {item.control for item in mutations()} == set(controls())
    own = {item.control for item in mutations() if item.model == controls()[item.control].model}
    assert own == set(controls()), "at least one in the model of the control itself"


def test_every_mistake_can_be_made_and_none_stands_twice() -> None:
    items = mutations()
    for item in items:
        item.apply(item.path().read_text())
    assert len({(item.file, item.find, item.replace) for item in items}) == len(items)


def test_a_text_that_is_gone_or_stands_twice_is_an_error() -> None:
    item = Mutation("C01", "reconciled/rec_c01.sql", "a > b", "a >= b", "")
    for text in ("", "a > b or a > b"):
        with pytest.raises(ValueError, match=r"C01, reconciled/rec_c01\.sql: found"):
            item.apply(text)
    with pytest.raises(ValueError, match="no mistake"):
        Mutation("C01", "f.sql", "x", "x", "").apply("x")
    assert item.apply("if a > b") == "if a >= b"


def test_a_round_has_one_mistake_a_model() -> None:
    one, two, other = (Mutation("C01", f"{file}.sql", find, "", "") for file, find in ("a1", "a2", "b1"))
    assert rounds([one, two, other]) == [[one, other], [two]]
