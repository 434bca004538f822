{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='record_key', on_schema_change='fail') }}

{%- set dimensions = ['legal_entity', 'supplier'] %}

-- 1. newly landed records, and those that can be settled only now
with fed as (

    {{ fact_feed('supplier_item', dimensions) }}

),

-- 2. source codes to canonical ids, as they hold on the posting date
mapped as (

    select
        fed.*,
        {{ mapped_id('legal_entity', 'entity_code') }} as legal_entity_id,
        {{ mapped_id('supplier', 'supplier_code') }} as supplier_id
    from fed
    {{ code_join('legal_entity', 'entity_code', 'fed.posting_date') }}
    {{ code_join('supplier', 'supplier_code', 'fed.posting_date') }}

),

-- 3. fiscal periods in which it was posted and cleared. Amounts are the sub-ledger's own.
final as (

    select
        mapped.*,
        coalesce(entity_day.fiscal_period_id, 'UNMAPPED') as fiscal_period_id,
        entity_day.fiscal_year,
        case when mapped.cleared_on is not null then coalesce(cleared_day.fiscal_period_id, 'UNMAPPED') end as cleared_period_id
    from mapped
    left join {{ ref('int_entity_day') }} as entity_day
        on entity_day.legal_entity_id = mapped.legal_entity_id and entity_day.period_day = mapped.posting_date
    left join {{ ref('int_entity_day') }} as cleared_day
        on cleared_day.legal_entity_id = mapped.legal_entity_id and cleared_day.period_day = mapped.cleared_on

)

{{ cast_to_contract('final') }}
