-- ---- the ledger
create temp view posting as
select
    j.journal as journal_no,
    j.company,
    coalesce(entity.legal_entity_id, 'UNMAPPED') as legal_entity_id,
    j.account, j.cost_center, j.project, j.supplier, j.location, j.program,
    j.line, j.posting_date, j.document_type, j.reference, j.reference_line, j.po_number, j.po_line,
    j.currency,
    case j.debit_credit when 'C' then -j.amount else j.amount end as amount_txn,
    case j.debit_credit when 'C' then -j.local_amount else j.local_amount end as amount_functional,
    case when entity.functional_currency = '${group}' then amount_functional else times(amount_functional, day.rate_group) end
        as amount_group,
    entity.functional_currency,
    coalesce(closing.fiscal_period_id, day.fiscal_period_id, 'UNMAPPED') as fiscal_period_id
from '${source}/ledger/journal_lines/*.parquet' as j
join currency as cur on cur.currency_code = j.currency
join currency as loc on loc.currency_code = j.local_currency
left join entity on entity.legal_entity_id = j.company
left join entity_day as day on day.legal_entity_id = j.company and day.period_day = j.posting_date
left join period as closing on closing.kind = 'closing' and closing.calendar_id = entity.calendar_id
    and closing.fiscal_year = j.fiscal_year and closing.period_no = j.period
where j.journal is not null and j.line is not null and j.company is not null and j.posting_date is not null
    and j.fiscal_year is not null and j.period is not null and j.account is not null
    and j.document_type in ('WE', 'RE', 'KZ', 'PR', 'DR', 'DZ', 'SA', 'AB') and j.debit_credit in ('D', 'C')
    and j.amount is not null and j.local_amount is not null
    and not has_decimals(j.amount, cur.minor_units) and not has_decimals(j.local_amount, loc.minor_units);

-- every line once, summed by what the marts and C18, C19 tell apart
create temp table posted as
select
    company, legal_entity_id, fiscal_period_id, account, cost_center, posting.project, location, program,
    posting_date not between coalesce(project.valid_from, posting_date) and coalesce(project.valid_to, posting_date)
        as is_expired,
    functional_currency,
    count(*) as row_count,
    sum(amount_functional) as amount_functional,
    sum(amount_group) as amount_group,
    sum(abs(amount_group)) as amount_in_use,
    count(*) - count(amount_group) as missing_count,
    sum(abs(amount_functional)) filter (where amount_group is null) as missing_functional,
    min(posting_date) as first_on
from posting left join project on project.project_id = posting.project
group by all;

create temp table actual as
select
    posted.legal_entity_id, posted.fiscal_period_id,
    coalesce(account.account_id, 'UNMAPPED') as account_id,
    identity_id(posted.cost_center, cost_center.cost_center_id) as cost_center_id,
    identity_id(posted.project, project.project_id) as project_id,
    coalesce(posted.location, 'NONE') as segment_1,
    coalesce(posted.program, 'NONE') as segment_2,
    sum(posted.amount_functional) as amount_functional,
    sum(posted.amount_group) as amount_group,
    sum(posted.row_count) as row_count
from posted
left join account on account.account_id = posted.account
left join cost_center on cost_center.cost_center_id = posted.cost_center
left join project on project.project_id = posted.project
group by all;

create temp table balance as
select
    coalesce(entity.legal_entity_id, 'UNMAPPED') as legal_entity_id,
    coalesce(named.fiscal_period_id, day.fiscal_period_id, 'UNMAPPED') as fiscal_period_id,
    coalesce(account.account_id, 'UNMAPPED') as account_id,
    b.balance_id, b.company, b.account, b.cost_center, b.period_end,
    entity.functional_currency,
    b.debit - b.credit as amount_functional,
    case when entity.functional_currency = '${group}' then amount_functional else times(amount_functional, day.rate_group) end
        as amount_group
from '${source}/ledger/period_balances/*.parquet' as b
join currency as loc on loc.currency_code = b.local_currency
left join entity on entity.legal_entity_id = b.company
left join entity_day as day on day.legal_entity_id = b.company and day.period_day = b.period_end
left join period as named on named.calendar_id = entity.calendar_id and named.fiscal_year = b.fiscal_year
    and named.period_no = b.period
left join account on account.account_id = b.account
where b.balance_id is not null and b.company is not null and b.fiscal_year is not null and b.period is not null
    and b.period_end is not null and b.account is not null and b.debit is not null and b.credit is not null
    and not has_decimals(b.debit, loc.minor_units) and not has_decimals(b.credit, loc.minor_units);

-- ---- budgets
create temp table budget as
with line as (
    select * from read_csv('${source}/planning/budget_original_*.csv', header = true, all_varchar = true)
    union all by name
    select * replace (replace(amount, ',', '.') as amount)
    from read_csv('${source}/planning/budget_changes.csv', header = true, all_varchar = true, delim = ';')
), typed as (
    select
        line.line_id, line.version, line.version_kind, line.version_status, line.approved_on::date as approved_on,
        coalesce(entity.legal_entity_id, 'UNMAPPED') as legal_entity_id, entity.functional_currency, entity.calendar_id,
        line.entity, line.cost_center, line.account, line.project, line.location, line.program,
        line.fiscal_year::bigint as fiscal_year, line.period_no::bigint as period_no,
        line.currency, cur.minor_units, line.amount::decimal(18,4) as amount
    from line
    join currency as cur on cur.currency_code = line.currency
    left join entity on entity.legal_entity_id = line.entity
    where not has_decimals(line.amount::decimal(18,4), cur.minor_units)
), normal as (
    select *, row_number() over (partition by calendar_id, fiscal_year order by period_no) as place,
        count(*) over (partition by calendar_id, fiscal_year) as places
    from period where kind = 'normal'
), spread as (
    select
        typed.*,
        coalesce(named.fiscal_period_id, year.fiscal_period_id, 'UNMAPPED') as fiscal_period_id,
        coalesce(named.starts_on, year.starts_on) as starts_on,
        case
            when year.places is null then typed.amount
            when year.place < year.places then pro_rata(typed.amount, 1, year.places, typed.minor_units)
            else typed.amount - (year.places - 1) * pro_rata(typed.amount, 1, year.places, typed.minor_units)
        end::decimal(18,4) as amount_txn
    from typed
    left join period as named on named.calendar_id = typed.calendar_id and named.fiscal_year = typed.fiscal_year
        and named.period_no = typed.period_no
    left join normal as year on typed.period_no is null and year.calendar_id = typed.calendar_id
        and year.fiscal_year = typed.fiscal_year
)
select
    spread.*,
    coalesce(account.account_id, 'UNMAPPED') as account_id,
    identity_id(spread.cost_center, cost_center.cost_center_id) as cost_center_id,
    identity_id(spread.project, project.project_id) as project_id,
    case when spread.currency = spread.functional_currency then 1 else rf.rate end::decimal(18,6) as rate_functional,
    case when spread.currency = '${group}' then 1 else rg.rate end::decimal(18,6) as rate_group,
    times(amount_txn, rate_functional) as amount_functional,
    times(amount_txn, rate_group) as amount_group
from spread
left join account on account.account_id = spread.account
left join cost_center on cost_center.cost_center_id = spread.cost_center
left join project on project.project_id = spread.project
left join rate as rf on rf.rate_type = 'plan' and rf.from_currency = spread.currency
    and rf.to_currency = spread.functional_currency and rf.rate_day = spread.starts_on
left join rate as rg on rg.rate_type = 'plan' and rg.from_currency = spread.currency
    and rg.to_currency = '${group}' and rg.rate_day = spread.starts_on;

-- ---- control cells: budget, commitments, actuals
create temp table cell_period as
with commitment as (
    select
        orders.legal_entity_id, day.fiscal_period_id, orders.cost_center_id, orders.account_id, orders.project_id,
        orders.segment_1, orders.segment_2, 'encumbrance' as kind, event.step,
        event.amount_functional, event.amount_group
    from order_event as event join orders on orders.rowid = event.line_id
    left join entity_day as day on day.legal_entity_id = orders.legal_entity_id and day.period_day = event.event_on
    union all
    select
        line.legal_entity_id, day.fiscal_period_id, line.cost_center_id, line.account_id, line.project_id,
        line.segment_1, line.segment_2, 'pre_encumbrance', event.step, event.amount_functional, event.amount_group
    from requisition_event as event join requisition as line on line.rowid = event.line_id
    left join entity_day as day on day.legal_entity_id = line.legal_entity_id and day.period_day = event.event_on
), movement as (
    select
        legal_entity_id, fiscal_period_id, cost_center_id, account_id, project_id,
        coalesce(location, 'NONE') as segment_1, coalesce(program, 'NONE') as segment_2,
        sum(amount_functional) filter (where version_kind = 'original') as budget_original,
        sum(amount_functional) filter (where version_kind = 'adjustment') as budget_adjustment,
        sum(amount_functional) filter (where version_kind = 'transfer') as budget_transfer,
        sum(amount_functional) filter (where version_kind = 'carry_forward') as budget_carry_forward,
        sum(amount_functional) as budget_functional, sum(amount_group) as budget_group, count(*) as budget_rows
    from budget where version_status in ('approved', 'locked') group by all
    union all by name
    select
        legal_entity_id, coalesce(fiscal_period_id, 'UNMAPPED') as fiscal_period_id, cost_center_id, account_id, project_id,
        coalesce(segment_1, 'NONE') as segment_1, coalesce(segment_2, 'NONE') as segment_2,
        sum(amount_functional) filter (where kind = 'pre_encumbrance' and step = 1) as pre_new,
        sum(-amount_functional) filter (where kind = 'pre_encumbrance' and step = 2) as pre_relieved,
        sum(amount_functional) filter (where kind = 'pre_encumbrance' and step = 4) as pre_reinstated,
        sum(-amount_functional) filter (where kind = 'pre_encumbrance' and step = 3) as pre_released,
        sum(amount_group) filter (where kind = 'pre_encumbrance') as pre_group,
        sum(amount_functional) filter (where kind = 'encumbrance' and step = 1) as enc_new,
        sum(-amount_functional) filter (where kind = 'encumbrance' and step = 2) as enc_relieved,
        sum(amount_functional) filter (where kind = 'encumbrance' and step = 4) as enc_reinstated,
        sum(-amount_functional) filter (where kind = 'encumbrance' and step = 3) as enc_released,
        sum(amount_group) filter (where kind = 'encumbrance') as enc_group
    from commitment group by all
    union all by name
    select
        actual.legal_entity_id, actual.fiscal_period_id, actual.cost_center_id, actual.account_id, actual.project_id,
        actual.segment_1, actual.segment_2,
        sum(case when account.account_type = 'revenue' then -amount_functional else amount_functional end) as actual_functional,
        sum(case when account.account_type = 'revenue' then -amount_group else amount_group end) as actual_group,
        sum(row_count) as actual_rows
    from actual join account on account.account_id = actual.account_id
    where account.is_budget_controlled or account.account_id in ('UNMAPPED', 'NONE')
    group by all
)
select
    cell(legal_entity_id, control_cost_center_id, control_account_id, project_id, segment_1, segment_2) as cell_id,
    rolled_up.*
from (
    select
        movement.legal_entity_id, movement.fiscal_period_id,
        coalesce(cost_center_level.control_code, movement.cost_center_id) as control_cost_center_id,
        coalesce(account_level.control_code, movement.account_id) as control_account_id,
        movement.project_id, movement.segment_1, movement.segment_2,
        coalesce(sum(columns(lambda c: c similar to '(budget|pre|enc|actual)_.*')), 0)
    from movement
    left join level as cost_center_level
        on cost_center_level.kind = 'cost_center' and cost_center_level.code = movement.cost_center_id
    left join level as account_level on account_level.kind = 'account' and account_level.code = movement.account_id
    group by all
) as rolled_up;
