{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='record_key', on_schema_change='fail') }}

{%- set dimensions = ['legal_entity', 'cost_center', 'account', 'project'] %}
{%- set period_rates %}
    left join {{ ref('dim_fiscal_period') }} as period on period.fiscal_period_id = t.fiscal_period_id
    {{ rate_joins('t', 'coalesce(period.starts_on, t.budget_date)', plan_rate_type()) }}
{%- endset %}

-- 1. newly landed records, and those that can be settled only now (an annual line put together again from its periods)
with fed as (

    {{ fact_feed('budget_line', dimensions, period_rates, rates_outdated(), sums=['amount_txn']) }}

),

-- 2. the entity first: its calendar decides the periods
placed as (

    select
        fed.*,
        {{ mapped_id('legal_entity', 'entity_code') }} as legal_entity_id,
        legal_entity_map.calendar_id
    from fed
    {{ code_join('legal_entity', 'entity_code', entity_date()) }}

),

-- 3. the line's periods: the one it names, else the one of its date, else all normal periods of its year
normal_periods as (

    select
        calendar_id,
        fiscal_year,
        fiscal_period_id,
        starts_on,
        row_number() over (partition by calendar_id, fiscal_year order by period_no) as place,
        count(*) over (partition by calendar_id, fiscal_year) as places
    from {{ ref('dim_fiscal_period') }}
    where kind = 'normal'

),

spread as (

    select
        placed.*,
        coalesce(named.fiscal_period_id, entity_day.fiscal_period_id, year_period.fiscal_period_id, 'UNMAPPED')
            as fiscal_period_id,
        coalesce(named.fiscal_year, entity_day.fiscal_year, placed.fiscal_year) as period_fiscal_year,
        year_period.place,
        year_period.places,
        currency.minor_units
    from placed
    left join {{ ref('dim_fiscal_period') }} as named
        on named.calendar_id = placed.calendar_id
        and named.fiscal_year = placed.fiscal_year
        and named.period_no = placed.period_no
    left join {{ ref('int_entity_day') }} as entity_day
        on placed.period_no is null
        and entity_day.legal_entity_id = placed.legal_entity_id
        and entity_day.period_day = placed.budget_date
    left join normal_periods as year_period
        on placed.period_no is null
        and placed.budget_date is null
        and year_period.calendar_id = placed.calendar_id
        and year_period.fiscal_year = placed.fiscal_year
    left join {{ ref('dim_currency') }} as currency
        on currency.currency_code = placed.currency_code

),

-- 4. equal parts in whole minor units, what is left over to the last period, so that the parts make the whole
parted as (

    select
        spread.source_system,
        spread.record_key,
        spread.batch_id,
        spread.changed_at,
        spread.is_deleted,
        spread.legal_entity_id,
        spread.entity_code,
        spread.cost_center_code,
        spread.account_code,
        spread.project_code,
        spread.segment_1,
        spread.segment_2,
        spread.segment_3,
        spread.segment_4,
        spread.segment_5,
        spread.segment_6,
        spread.version_code,
        spread.version_kind,
        spread.version_status,
        spread.approved_on,
        spread.budget_date,
        spread.period_no,
        spread.currency_code,
        spread.fiscal_period_id,
        spread.period_fiscal_year as fiscal_year,
        coalesce(period.starts_on, spread.budget_date) as starts_on,
        case
            when spread.places is null then spread.amount_txn
            when spread.place < spread.places
                then {{ pro_rata('spread.amount_txn', '1', 'spread.places', 'coalesce(spread.minor_units, 2)') }}
            else spread.amount_txn - (spread.places - 1)
                * {{ pro_rata('spread.amount_txn', '1', 'spread.places', 'coalesce(spread.minor_units, 2)') }}
        end as amount_txn
    from spread
    left join {{ ref('dim_fiscal_period') }} as period
        on period.fiscal_period_id = spread.fiscal_period_id

),

-- 5. the other codes, as they hold on the period's first day
mapped as (

    select
        parted.*,
        {{ mapped_id('cost_center', 'cost_center_code', 'parted') }} as cost_center_id,
        {{ mapped_id('account', 'account_code', 'parted') }} as account_id,
        {{ mapped_id('project', 'project_code', 'parted') }} as project_id
    from parted
    {{ code_join('cost_center', 'cost_center_code', 'parted.starts_on', 'parted') }}
    {{ code_join('account', 'account_code', 'parted.starts_on', 'parted') }}
    {{ code_join('project', 'project_code', 'parted.starts_on', 'parted') }}

),

-- 6. amounts in functional and group currency at plan rates
rated as (

    select
        mapped.*,
        {{ converted_rates('mapped', 'mapped.starts_on') }}
    from mapped
    {{ rate_joins('mapped', 'mapped.starts_on', plan_rate_type()) }}

),

final as (

    select
        rated.*,
        rated.record_key || '|' || rated.fiscal_period_id as line_key,
        rated.version_status in ('approved', 'locked') and not rated.is_deleted as is_effective,
        {{ converted('rated.amount_txn', 'rated', 'functional') }} as amount_functional,
        {{ converted('rated.amount_txn', 'rated', 'group') }} as amount_group
    from rated

)

{{ cast_to_contract('final') }}
