"""Every figure of the marts is the sum of published documents: docs/drill_down.md is run as it stands, and compared both ways.

Belongs here: running the statements of the document and comparing them. Does not: runs of the product.
"""

from __future__ import annotations

import re
from decimal import Decimal

from finance_sync.settings import PROJECT_ROOT, Settings
from finance_sync.warehouse.publish import read_published

KEYS = {
    "mart_commitment_vs_actual": ("cell_id", "fiscal_period_id"),
    "mart_budget_vs_actual": ("cell_id", "fiscal_period_id"),
    "mart_open_commitments": ("commitment_kind", "record_key"),
    "mart_grni": ("order_key",),
    "mart_variance": ("cell_id", "fiscal_period_id"),
}
# Numbers that are no figures, or are computed from figures of their own row.
COMPUTED = {
    "mart_commitment_vs_actual": {"fiscal_year", "funds_available_functional", "funds_available_group"},
    "mart_budget_vs_actual": {"fiscal_year", "variance_functional", "variance_group", "ytd_variance_functional"},
    # what the order itself says (mart_order_line)
    "mart_open_commitments": {"line_no", "age_days", "quantity_ordered", "quantity_received", "quantity_invoiced"},
    "mart_grni": {"line_no", "age_days", "difference_functional", "received_txn", "invoiced_txn"},
    "mart_variance": {"fiscal_year"},
}  # fmt: skip

# What documents there are: each belongs to a row of the mart.
DOCUMENTS = {
    ("mart_budget_line", "mart_budget_vs_actual"): "true",
    ("mart_actual_line", "mart_budget_vs_actual"): "true",
    ("mart_budget_line", "mart_commitment_vs_actual"): "true",
    ("mart_actual_line", "mart_commitment_vs_actual"): "true",
    ("mart_commitment_movement", "mart_commitment_vs_actual"): "amount_txn <> 0",
    (
        "mart_exceptions",
        "mart_commitment_vs_actual",
    ): (  # a budget that only another system has makes no cell here
        "cell_id is not null and control_id not in ('C22', 'C25') and not (control_id = 'C03' and status = 'missing_left')"
    ),
    ("mart_unrated_document", "mart_commitment_vs_actual"): "true",
    ("mart_order_cost", "mart_variance"): "amount_functional <> 0",
    ("mart_variance_document", "mart_variance"): "true",
    ("mart_grni_document", "mart_grni"): "true",
}


def statements() -> dict[str, str]:
    """The statements of docs/drill_down.md, by mart."""
    text = (PROJECT_ROOT / "docs" / "drill_down.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^## (mart_\w+)\n\n```sql\n(.*?)```", text, re.MULTILINE | re.DOTALL))


def assert_drills_down(settings: Settings) -> None:
    """Each row of each mart equals what its documents sum to, in every figure; no document is left without a row.

    Args:
        settings: of a home that has published, with the engine to read from.

    Raises:
        AssertionError: a figure and its documents differ, or a figure has no statement.
    """
    assert statements().keys() == KEYS.keys()
    for mart, statement in statements().items():
        published = read_published(settings, f"select * from {mart}").to_pylist()
        summed = read_published(settings, statement).to_pylist()
        assert len(published) > 20, f"{mart}: too few rows to say anything"
        figures = _figures(published) - COMPUTED[mart]
        missing = figures - summed[0].keys()
        assert not missing, f"{mart}: no documents for {sorted(missing)}"
        key = KEYS[mart]
        left, right = _by_key(published, key, figures), _by_key(summed, key, figures)
        assert left.keys() == right.keys(), (
            f"{mart}: on one side only {sorted(left.keys() ^ right.keys())[:3]}"
        )
        wrong = [
            (row, figure, left[row][figure], right[row][figure])
            for row in left
            for figure in figures
            if left[row][figure] != right[row][figure]
        ]
        assert not wrong, f"{mart}: {len(wrong)} figures differ, e.g. {wrong[:3]}"
    for (documents, mart), condition in DOCUMENTS.items():
        key = ", ".join(KEYS[mart])
        rows = f"select {key} from {documents} where {condition}"
        found = read_published(
            settings, f"select distinct * from ({rows} except select {key} from {mart}) as orphans"
        )
        assert not found.num_rows, (
            f"{documents}: {found.num_rows} in no row of {mart}, e.g. {found.slice(0, 3).to_pylist()}"
        )


def _figures(rows: list[dict[str, object]]) -> set[str]:
    """Columns that hold a number in any row."""
    return {
        name
        for row in rows
        for name, value in row.items()
        if isinstance(value, (int, Decimal)) and not isinstance(value, bool)
    }


def _by_key(
    rows: list[dict[str, object]], key: tuple[str, ...], figures: set[str]
) -> dict[tuple[str, ...], dict[str, Decimal]]:
    """Rows by their key; what is not there is nothing."""
    found = {
        tuple(str(row[part]) for part in key): {name: Decimal(str(row[name] or 0)) for name in figures}
        for row in rows
    }
    assert len(found) == len(rows), "a key stands twice"
    return found
