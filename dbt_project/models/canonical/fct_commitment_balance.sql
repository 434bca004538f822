{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='record_key', on_schema_change='fail') }}

{%- set dimensions = ['legal_entity'] %}

-- 1. newly landed records, and those that can be settled only now
with fed as (

    {{ fact_feed('commitment_balance', dimensions, rate_joins('t', 't.balance_date'), rates_outdated()) }}

),

-- 2. the entity's canonical id, as it holds on the balance's date
mapped as (

    select
        fed.*,
        {{ mapped_id('legal_entity', 'entity_code') }} as legal_entity_id
    from fed
    {{ code_join('legal_entity', 'entity_code', 'fed.balance_date') }}

),

-- 3. fiscal period of the entity's calendar, the stated balance in functional and group currency
final as (

    select
        mapped.*,
        coalesce(entity_day.fiscal_period_id, 'UNMAPPED') as fiscal_period_id,
        entity_day.fiscal_year,
        {{ functional_rate('mapped') }} as rate_functional,
        {{ group_rate('mapped') }} as rate_group,
        {{ times('mapped.amount_txn', functional_rate('mapped')) }} as amount_functional,
        {{ times('mapped.amount_txn', group_rate('mapped')) }} as amount_group,
        {{ rate_date('mapped.balance_date') }} as rate_date
    from mapped
    left join {{ ref('int_entity_day') }} as entity_day
        on entity_day.legal_entity_id = mapped.legal_entity_id and entity_day.period_day = mapped.balance_date
    {{ rate_joins('mapped', 'mapped.balance_date') }}

)

{{ cast_to_contract('final') }}
