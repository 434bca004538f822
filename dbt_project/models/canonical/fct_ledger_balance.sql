{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='record_key', on_schema_change='fail') }}

{%- set dimensions = ['legal_entity', 'cost_center', 'account', 'project'] %}
{%- set ledger_day %}
    left join {{ ref('dim_legal_entity') }} as entity on entity.legal_entity_id = t.legal_entity_id
    left join {{ ref('int_entity_day') }} as entity_day
        on entity_day.legal_entity_id = t.legal_entity_id and entity_day.period_day = t.balance_date
{%- endset %}

-- 1. newly landed records, and those that can be settled only now
with fed as (

    {{ fact_feed('ledger_balance', dimensions, ledger_day, ledger_rate_outdated()) }}

),

-- 2. source codes to canonical ids, as they hold on the balance's date
mapped as (

    select
        fed.*,
        {{ mapped_id('legal_entity', 'entity_code') }} as legal_entity_id,
        {{ mapped_id('cost_center', 'cost_center_code') }} as cost_center_id,
        {{ mapped_id('account', 'account_code') }} as account_id,
        {{ mapped_id('project', 'project_code') }} as project_id,
        legal_entity_map.functional_currency,
        legal_entity_map.calendar_id
    from fed
    {{ code_join('legal_entity', 'entity_code', 'fed.balance_date') }}
    {{ code_join('cost_center', 'cost_center_code', 'fed.balance_date') }}
    {{ code_join('account', 'account_code', 'fed.balance_date') }}
    {{ code_join('project', 'project_code', 'fed.balance_date') }}

),

-- 3. fiscal period: the one that the ledger names, else by date; amount in group currency
final as (

    select
        mapped.source_system,
        mapped.record_key,
        mapped.batch_id,
        mapped.changed_at,
        mapped.is_deleted,
        mapped.legal_entity_id,
        mapped.entity_code,
        mapped.cost_center_id,
        mapped.cost_center_code,
        mapped.account_id,
        mapped.account_code,
        mapped.project_id,
        mapped.project_code,
        mapped.segment_1,
        mapped.segment_2,
        mapped.segment_3,
        mapped.segment_4,
        mapped.segment_5,
        mapped.segment_6,
        mapped.balance_date,
        mapped.period_no,
        mapped.currency_code,
        mapped.amount_functional,
        coalesce(named.fiscal_period_id, entity_day.fiscal_period_id, 'UNMAPPED') as fiscal_period_id,
        coalesce(named.fiscal_year, entity_day.fiscal_year, mapped.fiscal_year) as fiscal_year,
        case
            when mapped.functional_currency = '{{ var("group_currency") }}' then 1 else entity_day.rate_group
        end as rate_group,
        case
            when mapped.functional_currency = '{{ var("group_currency") }}' then mapped.amount_functional
            else {{ times('mapped.amount_functional', 'entity_day.rate_group') }}
        end as amount_group,
        case
            when mapped.functional_currency = '{{ var("group_currency") }}' then mapped.balance_date
            else entity_day.rate_date
        end as rate_date
    from mapped
    left join {{ ref('int_entity_day') }} as entity_day
        on entity_day.legal_entity_id = mapped.legal_entity_id and entity_day.period_day = mapped.balance_date
    left join {{ ref('dim_fiscal_period') }} as named
        on named.period_no = mapped.period_no
        and named.fiscal_year = mapped.fiscal_year
        and named.calendar_id = mapped.calendar_id

)

{{ cast_to_contract('final') }}
