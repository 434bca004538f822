{{ config(materialized='view') }}

-- 1. exceptions that say of one cell that two records of a thing disagree. (Over budget is no doubt about a figure.)
with exceptions as (
    {%- for model in control_models() if model not in ['rec_c22', 'rec_c25'] %}

    select legal_entity_id, fiscal_period_id, cell_id, amount_functional
    from {{ ref(model) }}
    where cell_id is not null and reason_code is not null

    union all
    {%- endfor %}

    -- 2. a missing rate (C19) concerns every cell with a document that it leaves without a functional amount: once per currency
    select
        documents.legal_entity_id,
        documents.fiscal_period_id,
        documents.cell_id,
        cast(null as numeric(28,4)) as amount_functional
    from (
        {{ documents_without_rate() }}
    ) as documents
    group by documents.legal_entity_id, documents.fiscal_period_id, documents.cell_id, documents.currency_code

),

final as (

    select
        legal_entity_id,
        fiscal_period_id,
        cell_id,
        sum(amount_functional) as amount_functional,
        count(*) as exception_count
    from exceptions
    group by legal_entity_id, fiscal_period_id, cell_id

)

{{ cast_to_contract('final') }}
