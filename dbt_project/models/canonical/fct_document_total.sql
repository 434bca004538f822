{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='record_key', on_schema_change='fail') }}

{%- set dimensions = ['legal_entity', 'supplier'] %}

-- 1. newly landed records, and those that can be settled only now
with fed as (

    {{ fact_feed('document_total', dimensions, rate_joins('t', 't.document_date'), rates_outdated()) }}

),

-- 2. source codes to canonical ids, as they hold on the document's date
mapped as (

    select
        fed.*,
        {{ mapped_id('legal_entity', 'entity_code') }} as legal_entity_id,
        {{ mapped_id('supplier', 'supplier_code') }} as supplier_id
    from fed
    {{ code_join('legal_entity', 'entity_code', 'fed.document_date') }}
    {{ code_join('supplier', 'supplier_code', 'fed.document_date') }}

),

-- 3. fiscal period of the entity's calendar, the stated total in functional and group currency
final as (

    select
        mapped.*,
        coalesce(entity_day.fiscal_period_id, 'UNMAPPED') as fiscal_period_id,
        entity_day.fiscal_year,
        {{ functional_rate('mapped') }} as rate_functional,
        {{ group_rate('mapped') }} as rate_group,
        {{ times('mapped.amount_txn', functional_rate('mapped')) }} as amount_functional,
        {{ times('mapped.amount_txn', group_rate('mapped')) }} as amount_group,
        {{ rate_date('mapped.document_date') }} as rate_date
    from mapped
    left join {{ ref('int_entity_day') }} as entity_day
        on entity_day.legal_entity_id = mapped.legal_entity_id and entity_day.period_day = mapped.document_date
    {{ rate_joins('mapped', 'mapped.document_date') }}

)

{{ cast_to_contract('final') }}
