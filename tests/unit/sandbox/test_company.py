"""The demo company is coherent: without planted problems nothing is out of order, whatever the day.

The comparisons here are written apart from the product's SQL, on the generator's own frames.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
import pytest

from finance_sync.sandbox import ledger, procurement, world
from finance_sync.sandbox.budgets import CELL, VERSIONS, ceilings
from finance_sync.sandbox.company import Company, Shard, peaks
from finance_sync.sandbox.orders import BASE

SEED = 3
DAYS = [world.day(text) for text in ("2025-09-30", "2026-02-14", "2026-05-15", "2026-05-31", "2026-12-26")]


@cache
def clean() -> tuple[Company, Shard]:
    company = Company(SEED, 1.0, planted=False)
    return company, next(company.shards())


def test_same_seed_same_company_other_seed_another() -> None:
    _, first = clean()
    again = next(Company(SEED, 1.0, planted=False).shards())
    other = next(Company(SEED + 1, 1.0, planted=False).shards())
    for name in ("orders", "requisitions", "receipts", "invoices", "journals"):
        assert getattr(first, name).equals(getattr(again, name)), name
        assert not getattr(first, name).equals(getattr(other, name)), name


def test_scale_is_linear_and_shards_do_not_share_numbers() -> None:
    lines = {
        scale: next(Company(SEED, scale, planted=False).shards()).journals.height for scale in (1.0, 4.0)
    }
    assert 25_000 < clean()[1].journals.filter(pl.col("seen") <= world.START_DAY).height < 32_000
    assert 3.8 < lines[4.0] / lines[1.0] < 4.2
    company = Company(SEED, 41.0)
    shards = [company._shard(index, 0.5) for index in range(2)]
    for name, key in (("orders", ["ono", "line"]), ("invoices", ["ino", "line"]), ("receipts", ["rno", "line"]),
                      ("journals", ["jtype", "jid", "line"]), ("requisitions", ["rqno", "line"])):  # fmt: skip
        both = pl.concat([getattr(shard, name).select(key) for shard in shards])
        assert both.is_duplicated().sum() == 0, name


def test_every_journal_balances_in_both_currencies_and_sides_agree() -> None:
    journals = clean()[1].journals
    sums = journals.group_by("jtype", "jid").agg(
        pl.col("famt").sum(),
        pl.col("amt").sum(),
        pl.col("cur").n_unique(),
        pl.col("period").n_unique().alias("periods"),
    )
    assert sums.filter((pl.col("famt") != 0) | (pl.col("amt") != 0)).is_empty()
    assert sums["periods"].max() == 1
    # An unsigned amount with one debit or credit code cannot have a sign for each currency.
    assert journals.filter((pl.col("amt") * pl.col("famt").sign()) < 0).is_empty()


@pytest.mark.parametrize("today", DAYS)
def test_quantities_and_prices_agree_on_every_day(today: int) -> None:
    """Never more received or invoiced than ordered; what is invoiced comes within ten days; what is due comes within ten."""
    shard = clean()[1]
    lines = shard.orders.filter((pl.col("fate") == BASE) & (pl.col("order_day") <= today))
    changed = pl.col("change_day") <= today
    lines = lines.with_columns(
        ordered=pl.when(changed).then("q").otherwise("q0"),
        limit=pl.when(changed).then("net").otherwise("net0"),
    )
    received = (
        shard.receipts.filter((pl.col("day") <= today) & (pl.col("cancelled_day") > today))
        .group_by(ono="ono", line="oline")
        .agg(received=pl.col("q").sum(), accrued=pl.col("amount").sum())
    )
    approved = shard.invoices.filter((pl.col("approved_day") <= today) & (pl.col("cancelled_day") > today))
    is_due = (pl.lit(today) - pl.col("day") > 10) | (pl.col("q") < 0)
    invoiced = approved.group_by(ono="ono", line="oline").agg(
        invoiced=pl.col("q").sum(), due=pl.col("q").filter(is_due).sum(), billed=pl.col("net").sum()
    )
    both = (
        lines.join(received, on=["ono", "line"], how="left")
        .join(invoiced, on=["ono", "line"], how="left")
        .fill_null(0)
    )
    assert both.filter(pl.col("received") > pl.col("ordered")).is_empty()
    assert both.filter(pl.col("invoiced") > pl.col("ordered")).is_empty()
    assert both.filter((pl.col("ltype") == world.AMOUNT) & (pl.col("billed") > pl.col("limit"))).is_empty()
    assert both.filter(pl.col("due") > pl.col("received")).is_empty()
    is_open = (pl.col("ltype") == world.QUANTITY) & ((pl.col("closed_day") > today) | ~pl.col("cut"))
    late = is_open & (pl.lit(today) - pl.col("due_day") > 10) & (pl.col("received") < pl.col("ordered"))
    assert both.filter(late).is_empty()
    q, p, net, cur = (both[name].to_numpy() for name in ("invoiced", "p", "billed", "cur"))
    off = np.abs(world.value_of(q, p, cur) - net)
    assert off[both["ltype"].to_numpy() == world.QUANTITY].max() <= 4


@pytest.mark.parametrize("today", DAYS)
def test_invoices_and_their_postings_agree_on_every_day(today: int) -> None:
    shard = clean()[1]
    now = shard.invoices.filter(pl.col("day") <= today)
    approved = now.filter((pl.col("approved_day") <= today) & (pl.col("cancelled_day") > today))
    due = (
        approved.filter(today - pl.col("day") > 3)
        .group_by("ino")
        .agg(total=(pl.col("net") + pl.col("tax")).sum())
    )
    posted = shard.journals.filter(
        (pl.col("jtype") == 1) & (pl.col("ref_line") >= 0) & (pl.col("seen") <= today)
    )
    posted = posted.group_by(ino="ref").agg(posted=pl.col("amt").sum())
    both = due.join(posted, on="ino", how="left")
    assert both.filter(pl.col("posted").is_null() | (pl.col("total") != pl.col("posted"))).is_empty()
    known = approved.select("ino").unique()
    unknown = posted.filter(pl.col("posted") != 0).join(known, on="ino", how="anti")
    assert unknown.is_empty()


@pytest.mark.parametrize("today", DAYS)
def test_balances_are_the_sum_of_the_lines_that_are_there(today: int) -> None:
    shard = clean()[1]
    table = ledger.period_balances(ledger.balance_sums(shard.journals, today), [], today)
    lines = ledger.journal_lines(shard.journals, today, {})
    movement = (
        table.select(pl.col("debit").cast(pl.Decimal(38, 4)) - pl.col("credit").cast(pl.Decimal(38, 4)))
        .sum()
        .item()
    )
    signed = lines.select(
        pl.when(pl.col("debit_credit") == "C").then(-pl.col("local_amount").cast(pl.Decimal(38, 4)))
        .otherwise(pl.col("local_amount").cast(pl.Decimal(38, 4)))
    ).sum().item()  # fmt: skip
    assert movement == signed == 0
    assert table["balance_id"].is_unique().all()
    assert lines.select(pl.struct("journal", "line").is_unique().all()).item()


@pytest.mark.parametrize("today", DAYS)
def test_budgets_cover_actuals_in_every_cell_and_period(today: int) -> None:
    company, shard = clean()
    plan = company.plan([peaks(shard)])
    counts = [
        number for number, version in enumerate(VERSIONS) if version.status(today) in {"approved", "locked"}
    ]
    plan = plan.filter(pl.col("version").is_in(counts))
    assert plan.height > 5000
    months = pl.DataFrame({"month": np.arange(1, 13)})
    annual = (
        plan.filter(pl.col("period") < 0)
        .join(months, how="cross")
        .with_columns(period="month", amount=pl.col("amount") // 12)
    )
    every = pl.concat([plan.filter(pl.col("period") > 0), annual.drop("month")])
    budget = (
        every.with_columns(period=(pl.col("year") - 2025) * 12 + pl.col("period") - 1)
        .group_by(CELL)
        .agg(budget=pl.col("amount").sum())
    )
    controlled = np.flatnonzero(world.IS_CONTROLLED)
    lines = shard.journals.filter((pl.col("seen") <= today) & pl.col("acct").is_in(controlled))
    sign = np.where(world.IS_REVENUE[lines["acct"].to_numpy()], -1, 1)
    actual = lines.with_columns(
        cc=pl.Series(world.CONTROL_COST_CENTER[lines["cc"].to_numpy()]),
        acct=pl.Series(world.CONTROL_ACCOUNT[lines["acct"].to_numpy()]), actual=pl.Series(lines["famt"].to_numpy() * sign),
    ).group_by(CELL).agg(pl.col("actual").sum())  # fmt: skip
    both = actual.join(budget, on=list(CELL), how="left")
    assert both.height > 1000
    assert both.filter(pl.col("budget").is_null() | (pl.col("actual") > pl.col("budget"))).is_empty()


def test_peak_counts_what_adds_only() -> None:
    """A reversal in the period does not lower the peak: between the two the budget must hold too."""
    shard = clean()[1]
    line = shard.journals.filter(pl.col("acct") == world.ACCOUNT["6010"]).head(1)
    both = pl.concat([line, line.with_columns(famt=-pl.col("famt"))])
    assert ceilings(both)["peak"].to_list() == line["famt"].to_list()


def test_source_shows_states_as_they_come() -> None:
    """An order line is pending, approved, issued and closed, each on its own day, and its change time says so."""
    shard = clean()[1]
    line = shard.orders.filter(
        (pl.col("fate") == BASE) & (pl.col("issued_day") > pl.col("approved_day"))
        & (pl.col("approved_day") > pl.col("order_day")) & (pl.col("closed_day") < world.LAST_DAY) & ~pl.col("cut")
    ).head(1)  # fmt: skip
    days = [int(line[name][0]) for name in ("order_day", "approved_day", "issued_day", "closed_day")]
    seen = [procurement.order_lines(line, today, {}) for today in days]
    assert [table["status"][0] for table in seen] == ["pending", "approved", "issued", "closed"]
    assert [table["changed_at"][0][:10] for table in seen] == [world.to_date(day).isoformat() for day in days]
    assert procurement.order_lines(line, days[0] - 1, {}).is_empty()


def test_credit_memos_are_positive_in_the_source() -> None:
    shard = clean()[1]
    memos = shard.invoices.filter("credit")
    assert memos["net"].max() < 0
    headers, lines = procurement.invoices(shard.invoices, world.LAST_DAY)
    numbers = headers.filter(pl.col("document_type") == "CRM")["invoice"]
    assert len(numbers) > 5
    assert (
        not lines.filter(pl.col("invoice").is_in(numbers.implode()))["net_amount"].str.starts_with("-").any()
    )


@pytest.mark.parametrize("today", DAYS)
def test_documents_name_suppliers_that_exist(today: int) -> None:
    """Also a requisition that waits for its order: its supplier is in the ledger when the requisition is."""
    shard = next(Company(SEED, 12.0, planted=False).shards())
    known = set(ledger.suppliers(today)["vendor"])
    tables = (
        procurement.requisitions(shard.requisitions, today, {}),
        procurement.order_lines(shard.orders, today, {}),
    )
    ours = dict(zip(world.PROCUREMENT_SUPPLIER_CODES, world.LEDGER_SUPPLIER_CODES, strict=True))
    for table in tables:
        assert {ours[code] for code in table["supplier"].unique()} <= known
