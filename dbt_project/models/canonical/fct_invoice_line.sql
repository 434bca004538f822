{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='record_key', on_schema_change='fail') }}

{%- set dimensions = ['legal_entity', 'cost_center', 'account', 'project', 'supplier'] %}

-- 1. newly landed records, and those that can be settled only now
with fed as (

    {{ fact_feed('invoice_line', dimensions, rate_joins('t', 't.posting_date'), rates_outdated()) }}

),

-- 2. source codes to canonical ids, as they hold on the fact's date
mapped as (

    select
        fed.*,
        {{ mapped_id('legal_entity', 'entity_code') }} as legal_entity_id,
        {{ mapped_id('cost_center', 'cost_center_code') }} as cost_center_id,
        {{ mapped_id('account', 'account_code') }} as account_id,
        {{ mapped_id('project', 'project_code') }} as project_id,
        {{ mapped_id('supplier', 'supplier_code') }} as supplier_id
    from fed
    {{ code_join('legal_entity', 'entity_code', 'fed.posting_date') }}
    {{ code_join('cost_center', 'cost_center_code', 'fed.posting_date') }}
    {{ code_join('account', 'account_code', 'fed.posting_date') }}
    {{ code_join('project', 'project_code', 'fed.posting_date') }}
    {{ code_join('supplier', 'supplier_code', 'fed.posting_date') }}

),

-- 3. fiscal period of the entity's calendar, and the rates of the day
dated as (

    select
        mapped.*,
        cast(mapped.amount_net_txn + coalesce(mapped.amount_tax_txn, 0) as numeric(18,4)) as amount_txn,
        coalesce(entity_day.fiscal_period_id, 'UNMAPPED') as fiscal_period_id,
        entity_day.fiscal_year,
        {{ converted_rates('mapped', 'mapped.posting_date') }}
    from mapped
    left join {{ ref('int_entity_day') }} as entity_day
        on entity_day.legal_entity_id = mapped.legal_entity_id and entity_day.period_day = mapped.posting_date
    {{ rate_joins('mapped', 'mapped.posting_date') }}

),

-- 4. amounts in functional and group currency
final as (

    select
        dated.*,
        {{ converted('dated.amount_txn', 'dated', 'functional') }} as amount_functional,
        {{ converted('dated.amount_txn', 'dated', 'group') }} as amount_group
    from dated

)

{{ cast_to_contract('final') }}
