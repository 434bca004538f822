{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='record_key', on_schema_change='fail') }}

{%- set dimensions = ['legal_entity', 'cost_center', 'account', 'project'] %}
{%- set period_rates %}
    left join {{ ref('dim_fiscal_period') }} as period on period.fiscal_period_id = t.fiscal_period_id
    {{ rate_joins('t', 'coalesce(period.starts_on, t.budget_date)', plan_rate_type()) }}
{%- endset %}

-- 1. newly landed records, and those that can be settled only now
with fed as (

    {{ fact_feed('budget_checkpoint', dimensions, period_rates, rates_outdated()) }}

),

-- 2. the entity first: its calendar decides the period
placed as (

    select
        fed.*,
        {{ mapped_id('legal_entity', 'entity_code') }} as legal_entity_id,
        legal_entity_map.calendar_id
    from fed
    {{ code_join('legal_entity', 'entity_code', entity_date()) }}

),

-- 3. the period that it names, else the one of its date
dated as (

    select
        placed.source_system,
        placed.record_key,
        placed.batch_id,
        placed.changed_at,
        placed.is_deleted,
        placed.legal_entity_id,
        placed.entity_code,
        placed.cost_center_code,
        placed.account_code,
        placed.project_code,
        placed.segment_1,
        placed.segment_2,
        placed.segment_3,
        placed.segment_4,
        placed.segment_5,
        placed.segment_6,
        placed.checkpoint_stage,
        placed.stated_on,
        placed.budget_date,
        placed.period_no,
        placed.currency_code,
        placed.amount_txn,
        coalesce(named.fiscal_period_id, entity_day.fiscal_period_id, 'UNMAPPED') as fiscal_period_id,
        coalesce(named.fiscal_year, entity_day.fiscal_year, placed.fiscal_year) as fiscal_year,
        coalesce(named.starts_on, period.starts_on, placed.budget_date) as starts_on
    from placed
    left join {{ ref('dim_fiscal_period') }} as named
        on named.calendar_id = placed.calendar_id
        and named.fiscal_year = placed.fiscal_year
        and named.period_no = placed.period_no
    left join {{ ref('int_entity_day') }} as entity_day
        on placed.period_no is null
        and entity_day.legal_entity_id = placed.legal_entity_id
        and entity_day.period_day = placed.budget_date
    left join {{ ref('dim_fiscal_period') }} as period
        on period.fiscal_period_id = entity_day.fiscal_period_id

),

-- 4. the other codes, as they hold on the period's first day
mapped as (

    select
        dated.*,
        {{ mapped_id('cost_center', 'cost_center_code', 'dated') }} as cost_center_id,
        {{ mapped_id('account', 'account_code', 'dated') }} as account_id,
        {{ mapped_id('project', 'project_code', 'dated') }} as project_id
    from dated
    {{ code_join('cost_center', 'cost_center_code', 'dated.starts_on', 'dated') }}
    {{ code_join('account', 'account_code', 'dated.starts_on', 'dated') }}
    {{ code_join('project', 'project_code', 'dated.starts_on', 'dated') }}

),

-- 5. amounts in functional and group currency at plan rates
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
        {{ converted('rated.amount_txn', 'rated', 'functional') }} as amount_functional,
        {{ converted('rated.amount_txn', 'rated', 'group') }} as amount_group
    from rated

)

{{ cast_to_contract('final') }}
