-- ---- C03 budget checkpoint
create temp table budget_statement as
with line as (
    select 'planning' as system, 'approved' as aspect, t.entity as legal_entity_id, t.account as account_id, t.cost_center, t.project,
        t.location, t.program, t.fiscal_year::bigint as fiscal_year, t.period_no::bigint as period_no, t.currency,
        t.amount::decimal(18,4) as amount, t.approved_on::date as stated_on
    from read_csv('${source}/planning/budget_totals.csv', header = true, all_varchar = true) as t
    union all
    select 'procurement', 'published', e.id, a.id, b.cost_center, b.project, b.location, b.program, b.fiscal_year, b.period_no,
        b.currency, b.amount, b.published_on
    from '${source}/procurement/budgets/*.parquet' as b
    join code as e on e.kind = 'legal_entity' and e.source_code = b.entity
        and make_date(b.fiscal_year, 1, 1) between e.valid_from and e.valid_to
    join entity on entity.legal_entity_id = e.id
    join period on period.calendar_id = entity.calendar_id and period.fiscal_year = b.fiscal_year and period.period_no = b.period_no
    join code as a on a.kind = 'account' and a.source_code = b.account and period.starts_on between a.valid_from and a.valid_to
)
select
    line.system, line.aspect, line.legal_entity_id, period.fiscal_period_id, line.currency,
    coalesce(cost_center_level.control_code, line.cost_center) as cost_center_id,
    coalesce(account_level.control_code, line.account_id) as account_id, coalesce(line.project, 'NONE') as project_id,
    coalesce(line.location, 'NONE') as segment_1, coalesce(line.program, 'NONE') as segment_2, period.starts_on,
    min(case when line.currency = entity.functional_currency then 1 else rf.rate end)::decimal(18,6) as rate_functional,
    min(case when line.currency = '${group}' then 1 else rg.rate end)::decimal(18,6) as rate_group,
    sum(line.amount) as amount, max(line.stated_on) as moved_on
from line
join entity on entity.legal_entity_id = line.legal_entity_id
join period on period.calendar_id = entity.calendar_id and period.fiscal_year = line.fiscal_year and period.period_no = line.period_no
left join level as cost_center_level on cost_center_level.kind = 'cost_center' and cost_center_level.code = line.cost_center
left join level as account_level on account_level.kind = 'account' and account_level.code = line.account_id
left join rate as rf on rf.rate_type = 'plan' and rf.from_currency = line.currency and rf.to_currency = entity.functional_currency
    and rf.rate_day = period.starts_on
left join rate as rg on rg.rate_type = 'plan' and rg.from_currency = line.currency and rg.to_currency = '${group}'
    and rg.rate_day = period.starts_on
where line.stated_on <= date '${as_of}'
group by all having sum(line.amount) <> 0;

create temp table c03 as
with loaded as (
    select
        legal_entity_id, fiscal_period_id, currency, coalesce(cost_center_level.control_code, cost_center_id) as cost_center_id,
        coalesce(account_level.control_code, account_id) as account_id, project_id, coalesce(location, 'NONE') as segment_1,
        coalesce(program, 'NONE') as segment_2, min(starts_on) as starts_on, min(rate_functional) as rate_functional,
        min(rate_group) as rate_group, sum(amount_txn) as amount, sum(amount_functional) as amount_functional,
        sum(amount_group) as amount_group, max(approved_on) as moved_on
    from budget
    left join level as cost_center_level on cost_center_level.kind = 'cost_center' and cost_center_level.code = cost_center_id
    left join level as account_level on account_level.kind = 'account' and account_level.code = account_id
    where version_status in ('approved', 'locked')
    group by all having sum(amount_txn) <> 0
), covered as (
    select system, aspect, legal_entity_id, account_id, min(min(starts_on)) over (partition by system, aspect, legal_entity_id) as since
    from budget_statement group by system, aspect, legal_entity_id, account_id
), held as (
    select covered.system, covered.aspect, loaded.*, starts_on between since and date '${as_of}' as is_due
    from loaded join covered using (legal_entity_id, account_id)
), side as (
    select
        system, aspect, legal_entity_id, fiscal_period_id, cost_center_id, account_id, project_id, segment_1, segment_2, currency,
        coalesce(held.starts_on, stated.starts_on) as starts_on, coalesce(is_due, false) as is_due,
        greatest(held.moved_on, stated.moved_on) as moved_on, held.amount as loaded, stated.amount as stated,
        coalesce(held.rate_functional, stated.rate_functional) as rate_functional,
        coalesce(held.rate_group, stated.rate_group) as rate_group, held.amount_functional, held.amount_group,
        count(*) filter (where stated.amount is null) over of_cell as loaded_alone,
        count(*) filter (where held.amount is null) over of_cell as stated_alone,
        max(case when held.amount is null then stated.amount end) over of_cell as other,
        max(case when held.amount is null then stated.moved_on end) over of_cell as other_moved_on
    from held full join budget_statement as stated using (system, aspect, legal_entity_id, fiscal_period_id, cost_center_id, account_id,
        project_id, segment_1, segment_2, currency)
    window of_cell as (partition by system, aspect, legal_entity_id, fiscal_period_id, cost_center_id, account_id, project_id,
        segment_1, segment_2)
), differing as (
    select
        *, loaded_alone = 1 and stated_alone = 1 and stated is null as is_pair,
        cast(coalesce(loaded, 0) - coalesce(stated, 0) as decimal(28,4)) as difference,
        case
            when loaded is not null and stated is not null then case when difference <> 0 then 'amount_differs' end
            when is_pair then 'currency_differs'
            when loaded_alone > 0 and stated_alone > 0 then 'currency_ambiguous'
            when stated is null then case aspect when 'approved' then 'not_approved' else 'not_published' end
            else case aspect when 'approved' then 'not_loaded' else 'not_budgeted' end
        end as found
    from side
    where (stated is not null or is_due or stated_alone > 0) and not (loaded is null and loaded_alone = 1 and stated_alone = 1)
)
select
    *, case when found = 'amount_differs' then within(difference * rate_functional, 0, 0.05, 0) else false end as is_small,
    case when found = 'amount_differs' then times(difference, rate_functional) when loaded is not null then amount_functional
        else times(stated, rate_functional) end as at_stake_functional,
    case when found = 'amount_differs' then times(difference, rate_group) when loaded is not null then amount_group
        else times(stated, rate_group) end as at_stake_group
from differing
where found is null or date '${as_of}' - greatest(moved_on, case when is_pair then other_moved_on end) > 2;

insert into passing
select 'C03', legal_entity_id, fiscal_period_id, case when found is null then 'matched' else 'within' end, count(*)
from c03 where found is null or is_small group by all;

insert into failing by name
select
    'C03' as control_id, legal_entity_id, fiscal_period_id, found as reason_code, aspect,
    concat_ws('|', system, cost_center_id, account_id, project_id, segment_1, segment_2, 'NONE', 'NONE', 'NONE', 'NONE', fiscal_period_id,
        currency) as business_key,
    case when loaded is not null then 'planning' end as left_system, system as right_system, loaded as left_amount,
    case when is_pair then other else stated end as right_amount,
    case when found not in ('currency_differs', 'currency_ambiguous') then difference end as difference_amount, currency as currency_code,
    abs(at_stake_functional) as amount_functional, abs(at_stake_group) as amount_group, account_id, cost_center_id,
    cell(legal_entity_id, cost_center_id, account_id, project_id, segment_1, segment_2) as cell_id, starts_on as document_date
from c03 where found is not null and not is_small;
