"""The demo's source tables: which there are, their keys, and what each holds on a day.

Belongs here: one list that all writers share. Does not: writing (store, parquet), drawing (company).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from finance_sync.sandbox import checkpoints, commitments, ledger, payables, procurement, stale
from finance_sync.sandbox.company import Company, Shard


@dataclass(frozen=True)
class Table:
    """A table of a source system on a day.

    Args:
        system: procurement or ledger.
        name: table name.
        key: primary key columns.
        rows: its rows with ``_day``, the day of the row's last change.
    """

    system: str
    name: str
    key: tuple[str, ...]
    rows: pl.DataFrame


def document_tables(company: Company, shard: Shard, today: int) -> Iterator[Table]:
    """Documents of one shard on a day."""
    raw = company.book.raw
    yield Table(
        "procurement",
        "requisitions",
        ("requisition", "line"),
        procurement.requisitions(shard.requisitions, today, raw),
    )
    yield Table(
        "procurement", "order_lines", ("po_number", "line"), procurement.order_lines(shard.orders, today, raw)
    )
    yield Table("procurement", "receipts", ("receipt", "line"), procurement.receipts(shard.receipts, today))
    headers, lines = procurement.invoices(shard.invoices, today)
    yield Table("procurement", "invoice_headers", ("invoice",), headers)
    yield Table("procurement", "invoice_lines", ("invoice", "line"), lines)
    yield Table(
        "ledger", "journal_lines", ("journal", "line"), ledger.journal_lines(shard.journals, today, raw)
    )
    carried = commitments.commitments(
        shard.orders,
        shard.receipts,
        shard.invoices,
        today,
        company.book.commitment_changes,
        raw.get("order_lines", {}),
    )
    yield Table("ledger", "commitments", ("po_number", "po_line"), carried)
    yield Table("ledger", "supplier_items", ("item",), payables.supplier_items(shard.journals, today))


def master_tables(company: Company, today: int) -> Iterator[Table]:
    """Master data and the small tables beside it, on a day."""
    contracts_stop, assets_stop = (
        (stale.CONTRACTS_STOP, stale.ASSETS_STOP) if company.planted else (today, today)
    )
    filled = not company.planted
    yield Table(
        "procurement", "suppliers", ("supplier",), procurement.suppliers(today, planted=company.planted)
    )
    yield Table("procurement", "contracts", ("contract",), stale.contracts(today, contracts_stop))
    releases = stale.movements(today, ("contract", "release", "released_on"), filled=filled)
    yield Table("procurement", "contract_releases", ("contract", "release"), releases)
    yield Table("ledger", "accounts", ("account",), ledger.accounts())
    yield Table("ledger", "cost_centers", ("cost_center",), ledger.cost_centers(today))
    yield Table("ledger", "projects", ("project",), ledger.projects())
    yield Table("ledger", "suppliers", ("vendor",), ledger.suppliers(today, planted=company.planted))
    yield Table("ledger", "asset_register", ("asset",), stale.assets(today, assets_stop))
    yield Table("ledger", "supplier_items", ("item",), payables.planted_items(company.book.items, today))
    beside = commitments.extra_commitments(company.book.extra_commitments, today)
    yield Table("ledger", "commitments", ("po_number", "po_line"), beside)
    transfers = stale.movements(today, ("asset", "moved_on", "to_company"), filled=filled)
    yield Table("ledger", "asset_transfers", ("asset", "moved_on"), transfers)


def balance_table(company: Company, sums: list[pl.DataFrame], today: int) -> Table:
    """Period balances of all shards on a day.

    Args:
        company: the company.
        sums: ``ledger.balance_sums`` of every shard.
        today: the day.
    """
    rows = ledger.period_balances(pl.concat(sums), company.book.balance_changes, today)
    return Table("ledger", "period_balances", ("balance_id",), rows)


def budget_table(company: Company, plan: pl.DataFrame, today: int) -> Table:
    """The budgets that procurement checks against on a day.

    Args:
        company: the company.
        plan: its budget lines.
        today: the day.
    """
    rows = checkpoints.published_budgets(plan, company.book.budget_statements, today)
    return Table("procurement", "budgets", ("budget",), rows)


def deleted_requisitions(shard: Shard, since: int, today: int) -> list[str]:
    """Numbers of the requisitions that were there on a day and are gone on a later one (all of them have one line)."""
    gone = shard.requisitions.filter(
        (pl.col("created_day") <= since) & (pl.col("deleted_day") > since) & (pl.col("deleted_day") <= today)
    )
    return [f"RQ{number:08d}" for number in gone["rqno"].to_list()]
