"""The SQL behind the report's tables, on the published marts. Every statement is bounded in rows.

Belongs here: statements. Does not: the summary's figures (figures), what is made of the rows (read).
"""

from __future__ import annotations

from finance_sync.reports.figures import (
    ANSWERED,
    INCOME,
    NO_DOUBT,
    SPENDING,
    WAITING,
    amount,
    count,
    count_sum,
    exceptions,
    where,
)
from finance_sync.reports.scope import Scope, in_periods, literal

# (name, label on the page, column of a group of movements, sign in the balance)
MOVEMENTS = (
    ("opening", "Opening", 1),
    ("new", "New", 1),
    ("adjusted", "Adjusted", 1),
    ("relieved", "Relieved", -1),
    ("reinstated", "Reinstated", 1),
    ("released", "Released", -1),
    ("carried", "Carried and revalued", 1),
    ("closing", "Closing", 1),
)
AGES = ("0-7", "8-30", "31-60", "61-90", "over 90")
_BAND = (
    "case when age_days is null then 'unknown' when age_days <= 7 then '0-7' when age_days <= 30 then '8-30' "
    "when age_days <= 60 then '31-60' when age_days <= 90 then '61-90' else 'over 90' end"
)
MOST_OWNERS, PER_OWNER, MOST_CELLS, MOST_CHANGES, MOST_ENTITIES, MOST_OBJECTS = 12, 5, 10, 10, 100, 200


def by_entity(scope: Scope) -> str:
    """Budget, actual, commitments and funds of each entity, in both currencies."""
    sums = {
        "budget": "ytd_budget", "actual": "ytd_actual", "pre": "pre_encumbrance_closing", "enc": "encumbrance_closing",
        "funds": "funds_available",
    }  # fmt: skip
    columns = [
        f"{amount(f'{column}_{currency}')} as {name}_{currency}"
        for currency in ("functional", "group")
        for name, column in sums.items()
    ]
    return (
        "select legal_entity_id, min(currency_code) as currency, min(funds_window) as first_window, "
        f"max(funds_window) as last_window, {', '.join(columns)} "
        f"from mart_commitment_vs_actual {where(SPENDING, scope.here)} group by legal_entity_id"
    )


def question_by_entity(scope: Scope) -> str:
    """What is in question of each entity, fiscal year to date, functional currency."""
    return (
        f"select legal_entity_id, {amount('amount_in_question_functional')} as question_functional, "
        f"{count_sum('exceptions_in_question')} as exceptions from mart_commitment_vs_actual {where(SPENDING, scope.to_date)} "
        "group by legal_entity_id"
    )


def question_group_by_entity(scope: Scope) -> str:
    """The same in group currency."""
    periods = scope.to_date.replace("fiscal_period_id", "c.fiscal_period_id")
    return (
        f"select c.legal_entity_id, {amount('e.amount_group')} as question_group from mart_exceptions as e "
        "inner join mart_commitment_vs_actual as c on c.cell_id = e.cell_id and c.fiscal_period_id = e.fiscal_period_id "
        f"where e.control_id not in {NO_DOUBT} and c.{SPENDING} and {periods} group by c.legal_entity_id"
    )


def roll_forward(scope: Scope, kind: str) -> str:
    """Movements of the period by entity, functional currency. ``kind`` is pre_encumbrance or encumbrance."""
    columns = {
        "opening": "{0}_opening", "new": "{0}_new" if kind == "pre_encumbrance" else "{0}_obligated",
        "adjusted": "{0}_adjusted", "relieved": "{0}_relieved", "reinstated": "{0}_reinstated", "released": "{0}_released",
        "closing": "{0}_closing",
    }  # fmt: skip
    sums = [
        f"{amount(column.format(kind) + '_functional')} as {name}_functional"
        for name, column in columns.items()
    ]
    carried = f"{kind}_carried_in_functional - {kind}_carried_out_functional + {kind}_revalued_functional"
    return (
        f"select legal_entity_id, min(currency_code) as currency, {', '.join(sums)}, {amount(carried)} as carried_functional "
        f"from mart_commitment_vs_actual {where(SPENDING, scope.here)} group by legal_entity_id"
    )


def income(scope: Scope) -> str:
    """Budgeted and booked income by entity."""
    return (
        f"select legal_entity_id, {amount('ytd_budget_group')} as budget_group, {amount('ytd_actual_group')} as actual_group "
        f"from mart_commitment_vs_actual {where(INCOME, scope.here)} group by legal_entity_id"
    )


def overdrawn(scope: Scope) -> str:
    """Cells with less than nothing available, worst first."""
    rows = where(SPENDING, scope.here, "funds_available_group < 0")
    return (
        "select legal_entity_id, fiscal_period_id, control_cost_center_id, control_account_id, control_account_name, project_id, "
        "cell_id, funds_available_group, ytd_budget_group, ytd_actual_group, "
        "pre_encumbrance_closing_group + encumbrance_closing_group as committed_group, "
        f"(select {count()} from mart_commitment_vs_actual {rows}) as cells from mart_commitment_vs_actual {rows} "
        f"order by funds_available_group, cell_id limit {MOST_CELLS}"
    )


def outside() -> str:
    """What is in no fiscal period, hence in no figure of the report."""
    return (
        f"select {count()} as cells, {amount('budget_group')} as budget, {amount('actual_group')} as actual "
        "from mart_commitment_vs_actual where fiscal_period_id = 'UNMAPPED'"
    )


def open_commitments() -> str:
    """Open requisition and order lines by age, on the day of the publication."""
    return (
        f"select commitment_kind, age_band, {count()} as lines, {amount('amount_open_group')} as amount, max(as_of) as as_of "
        "from mart_open_commitments group by commitment_kind, age_band"
    )


def grni() -> str:
    """Goods received, not invoiced, by age."""
    return (
        f"select age_band, {count()} as lines, {amount('open_group')} as documents, {amount('ledger_group')} as ledger "
        "from mart_grni group by age_band"
    )


def controls(scope: Scope) -> str:
    """One row per control and status of its results."""
    return (
        "select control_id, min(control_name) as name, min(owner) as owner, status, min(reason) as reason, "
        f"{count_sum('rows_compared')} as compared, {count_sum('rows_matched + rows_within_tolerance')} as agree, "
        f"{count_sum('rows_failed')} as failed from mart_control_results {where(scope.listed)} group by control_id, status"
    )


def trend(scope: Scope) -> str:
    """Comparisons by control and period, of the last periods."""
    periods = in_periods(name for names in scope.back.values() for name in names)
    return (
        f"select control_id, fiscal_period_id, {count_sum('rows_compared')} as compared, "
        f"{count_sum('rows_matched + rows_within_tolerance')} as agree, {count_sum('rows_failed')} as failed "
        f"from mart_control_results where {periods} group by control_id, fiscal_period_id"
    )


def exception_groups(scope: Scope, *, registered: bool) -> str:
    """Exceptions counted by everything that the page groups them by."""
    keys = "control_id, owner, level, disposition, is_blocking, is_overdue"
    return (
        f"select {keys}, age, {count()} as exceptions, {count('amount_group is null')} as without_amount, "
        f"{amount('abs(amount_group)')} as amount from (select {keys}, amount_group, {_BAND} as age "
        f"from {exceptions(registered=registered)} {where(scope.listed)}) as banded group by {keys}, age"
    )


def blocking(scope: Scope, *, registered: bool) -> str:
    """What blocks the close, by control and entity."""
    return (
        f"select control_id, min(control_name) as name, legal_entity_id, owner, {count()} as exceptions, "
        f"{count('amount_group is null')} as without_amount, {amount('abs(amount_group)')} as amount "
        f"from {exceptions(registered=registered)} {where('is_blocking', f'disposition not in {ANSWERED}', scope.listed)} "
        "group by control_id, legal_entity_id, owner"
    )


def largest(scope: Scope, *, registered: bool) -> str:
    """The largest exceptions that wait for somebody, of each owner."""
    order = "case when amount_group is null then 1 else 0 end, abs(amount_group) desc, exception_id"
    return (
        "select * from (select exception_id, control_id, control_name, legal_entity_id, fiscal_period_id, level, disposition, "
        "business_key, message, left_system_name, left_value, left_amount, right_system_name, right_value, right_amount, "
        "difference_amount, currency_code, amount_functional, functional_currency, amount_group, owner, assignee, age_days, "
        f"deadline_on, is_overdue, remedy, row_number() over (partition by owner order by {order}) as place "
        f"from {exceptions(registered=registered)} {where(f'disposition in {WAITING}', scope.listed)}) as ranked "
        f"where place <= {PER_OWNER}"
    )


def runs() -> str:
    """The last two runs that brought something new, the last one first."""
    return "select r.run_id, r.business_date, r.at from exception_run as r order by r.at desc, r.run_id desc limit 2"


def events(run_id: str, scope: Scope) -> str:
    """How many exceptions a run opened, closed and so on."""
    return f"select h.event, {count()} as exceptions {_of_run(run_id, scope)} group by h.event"


def changed(run_id: str, event: str, scope: Scope) -> str:
    """The largest exceptions that a run opened, closed or found again."""
    return (
        "select r.exception_id, r.control_id, r.legal_entity_id, r.fiscal_period_id, r.business_key, r.message, r.owner, "
        f"r.severity, r.amount_group, r.reopened_because {_of_run(run_id, scope)} and h.event = {literal(event)} "
        "order by case when r.amount_group is null then 1 else 0 end, abs(r.amount_group) desc, r.exception_id "
        f"limit {MOST_CHANGES}"
    )


def acts(since: str, scope: Scope) -> str:
    """What people did since a moment."""
    period = scope.listed.replace("fiscal_period_id", "r.fiscal_period_id")
    source = (
        "from exception_history as h inner join exception_register as r on r.exception_id = h.exception_id"
    )
    condition = where("h.run_id is null", f"h.at > {literal(since)}", period)
    return f"select h.event, {count()} as exceptions {source} {condition} group by h.event"


def freshness() -> str:
    """Every object of the sources: how old, how many rows, what was rejected."""
    return (
        "select system, system_title, object, object_title, owner, freshness, latency_target_hours, last_contact_on, "
        "last_batch_on, data_as_of, rows_landed, rejected_open from mart_sync_health"
    )


def _of_run(run_id: str, scope: Scope) -> str:
    period = scope.listed.replace("fiscal_period_id", "r.fiscal_period_id")
    source = (
        "from exception_history as h inner join exception_register as r on r.exception_id = h.exception_id"
    )
    return f"{source} {where(f'h.run_id = {literal(run_id)}', period)}"
