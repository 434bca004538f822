"""Amounts survive being shown."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from finance_sync.orchestration.text import amount_text, markdown_table, read_amount

amounts = st.decimals(
    min_value=Decimal("-99999999999999.9999"), max_value=Decimal("99999999999999.9999"), places=4
)


@given(amounts, st.sampled_from(["EUR", "JPY", "KWD"]))
def test_an_amount_reads_back_exactly(amount: Decimal, currency: str) -> None:
    assert read_amount(amount_text(amount, currency)) == (amount, currency)


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), max_size=5))
def test_no_cell_breaks_a_table(rows: list[list[str]]) -> None:
    lines = markdown_table(("a", "b"), rows).split("\n")
    assert len(lines) == 2 + len(rows)
    assert all(line.replace("\\|", "").count("|") == 3 for line in lines)
