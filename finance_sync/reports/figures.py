"""The figures of the report: what each means and the SQL that gives it, on the published marts.

The same text is run for the page and printed on it, so that a reader can run it and drill down.

Belongs here: definitions. Does not: tables (tables), reading (read), look (page).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import dedent

from finance_sync.reports.scope import Scope

# Spending: income is budgeted with its own sign, statistical accounts count units.
SPENDING = "account_type not in ('revenue', 'statistical')"
INCOME = "account_type = 'revenue'"
# Controls whose exceptions are no doubt about a cell's figures: freshness, over budget (mart_commitment_vs_actual says the same).
NO_DOUBT = "('C22', 'C25')"
WAITING, ANSWERED = "('open', 'assigned')", "('waived', 'resolved')"


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        key: its place on the page (``def-<key>``).
        title: its name.
        meaning: in words.
        sql: gives it, in its first row: an amount (group currency), or a count and what it is out of or adds up to.
        drill: gives what it is made of.
    """

    key: str
    title: str
    meaning: str
    sql: str
    drill: str


def amount(expression: str) -> str:
    """SQL: an exact sum that engines agree on."""
    return f"cast(coalesce(sum({expression}), 0) as numeric(38, 4))"


def count(condition: str = "") -> str:
    """SQL: how many rows, or for how many a condition holds."""
    inner = f"sum(case when {condition} then 1 else 0 end)" if condition else "count(*)"
    return f"cast(coalesce({inner}, 0) as bigint)"


def where(*conditions: str) -> str:
    """SQL: a where clause; empty conditions are left out."""
    said = [condition for condition in conditions if condition]
    return f"where {' and '.join(said)}" if said else ""


def exceptions(*, registered: bool) -> str:
    """SQL: the relation of exceptions with what the register knows of them, as ``from`` takes it."""
    if not registered:
        return dedent("""\
            (select *, severity as level, 'open' as disposition, cast(null as varchar) as assignee,
                    cast(null as bigint) as age_days, cast(null as date) as deadline_on, false as is_overdue
             from mart_exceptions) as listed""")
    return dedent("""\
        (select e.*, coalesce(r.severity, e.severity) as level, coalesce(r.status, 'open') as disposition, r.assignee,
                r.age_days, r.deadline_on, coalesce(r.is_overdue, false) as is_overdue
         from mart_exceptions as e
         left join exception_register as r on r.exception_id = e.exception_id) as listed""")


def in_question(scope: Scope, columns: str, ending: str = "") -> str:
    """SQL: exceptions that name a cell of the spending shown, fiscal year to date."""
    # Periods are named on the cell: a condition of its own, since both sides have the column.
    periods = scope.to_date.replace("fiscal_period_id", "c.fiscal_period_id")
    return "\n".join(
        line
        for line in (
            f"select {columns}",
            "from mart_exceptions as e",
            "inner join mart_commitment_vs_actual as c",
            "    on c.cell_id = e.cell_id and c.fiscal_period_id = e.fiscal_period_id",
            f"where e.control_id not in {NO_DOUBT} and c.{SPENDING}",
            f"    and {periods}",
            ending,
        )
        if line
    )


def figures(scope: Scope, *, registered: bool) -> dict[str, Figure]:
    """The figures of the summary, by key, in the order of the page."""
    found = [
        *_of_cells(scope),
        _question(scope),
        _rate(scope),
        *_of_exceptions(scope, exceptions(registered=registered)),
    ]
    return {figure.key: figure for figure in found}


def _of_cells(scope: Scope) -> list[Figure]:
    rows = f"from mart_commitment_vs_actual\n{where(SPENDING, scope.here)}"
    keys = (
        "legal_entity_id, fiscal_period_id, control_cost_center_id, control_account_id, project_id, cell_id"
    )
    committed = "pre_encumbrance_closing_group + encumbrance_closing_group"
    said = {
        "budget": ("Budget to date", "ytd_budget_group", """\
            Effective budget of the fiscal year to date: original, adjustments, transfers and carry-forward of approved
            versions."""),
        "actual": ("Actual to date", "ytd_actual_group", """\
            Posted ledger lines of the fiscal year to date, accruals included."""),
        "commitments": ("Open commitments", committed, """\
            Reserved by requisitions (pre-encumbrance) and obligated by orders (encumbrance), open at the end of the period."""),
        "funds": ("Funds available", "funds_available_group", """\
            Budget less actual of the window in which the entity checks availability, less what is reserved and obligated."""),
    }  # fmt: skip
    return [
        Figure(
            key, title, f"{' '.join(meaning.split())} Spending accounts of the periods shown, group currency.",
            f"select {amount(expression)} as amount\n{rows}",
            f"select {keys}, {expression} as amount\n{rows}\norder by abs({expression}) desc, cell_id",
        )
        for key, (title, expression, meaning) in said.items()
    ]  # fmt: skip


def _question(scope: Scope) -> Figure:
    meaning = (
        "Amount at risk of exceptions of the fiscal year to date that name a cell of the spending shown and say that two records "
        "of a thing disagree. What has no amount in group currency is not in it."
    )
    counted = f"{count()} as exceptions, {count('e.amount_group is null')} as without_amount"
    listed = "e.exception_id, e.control_id, e.legal_entity_id, e.fiscal_period_id, e.amount_group, e.message"
    return Figure(
        "question",
        "In question",
        meaning,
        in_question(scope, f"{amount('e.amount_group')} as amount, {counted}"),
        in_question(scope, listed, "order by e.amount_group desc nulls last, e.exception_id"),
    )


def _rate(scope: Scope) -> Figure:
    agree = f"{count_sum('rows_matched + rows_within_tolerance')} as agree"
    listed = "control_id, control_name, legal_entity_id, fiscal_period_id, rows_compared, rows_failed, amount_group"
    return Figure(
        "rate",
        "Reconciliation rate",
        "Comparisons that agree or are within tolerance, of all that were made; rounded down.",
        f"select {agree}, {count_sum('rows_compared')} as compared\nfrom mart_control_results\n{where(scope.listed)}".rstrip(),
        f"select {listed}\nfrom mart_control_results\n{where('rows_failed > 0', scope.listed)}\n"
        "order by rows_failed desc, control_id, legal_entity_id, fiscal_period_id",
    )


def _of_exceptions(scope: Scope, source: str) -> list[Figure]:
    said = {
        "exceptions": ("Exceptions", where(scope.listed), """\
            Comparisons that do not hold, and their amount at risk in group currency as far as it is known. Severity is by
            amount and, where the register is published, age."""),
        "close": ("Blocking the close", where("is_blocking", f"disposition not in {ANSWERED}", scope.listed), """\
            Exceptions of blocking controls that are neither waived nor resolved."""),
    }  # fmt: skip
    unknown = f"{count('amount_group is null')} as without_amount"
    counted = f"{count()} as exceptions, {amount('abs(amount_group)')} as amount, {unknown}"
    listed = (
        "control_id, legal_entity_id, fiscal_period_id, level, disposition, owner, amount_group, business_key, message, "
        "exception_id"
    )
    order = "order by amount_group desc nulls last, exception_id"
    return [
        Figure(
            key,
            title,
            " ".join(meaning.split()),
            f"select {counted}\nfrom {source}\n{rows}".rstrip(),
            "\n".join(line for line in (f"select {listed}", f"from {source}", rows, order) if line),
        )
        for key, (title, rows, meaning) in said.items()
    ]


def count_sum(expression: str) -> str:
    """SQL: a sum of counts."""
    return f"cast(coalesce(sum({expression}), 0) as bigint)"


def cell_drills(segments: Sequence[str]) -> list[str]:
    """SQL from a cell to its documents; the reader puts keys in place of ``...``.

    Args:
        segments: names that the deployment gives to its analytic segments.
    """
    keys = [
        "legal_entity_id",
        "fiscal_period_id",
        "control_cost_center_id",
        "control_account_id",
        "project_id",
        *segments,
    ]
    movements = (
        "select m.movement_on, m.record_key, m.movement_type, m.document_kind, m.document_key, m.amount_group\n"
        "from mart_commitment_movement as m\n"
        f"inner join mart_commitment_vs_actual as c using ({', '.join(keys)})\n"
        "where c.cell_id = '...'\norder by m.movement_on, m.record_key, m.movement_type, m.document_key, m.sequence_no"
    )
    return [
        movements,
        "select * from mart_open_commitments where cell_id = '...' order by amount_open_group desc",
        "select * from mart_order_line where order_no = '...'",
        "select * from mart_ledger_balance where legal_entity_id = '...' and account_id = '...' order by fiscal_period_id",
    ]
