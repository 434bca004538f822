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
        {%- for fact, condition in [
            ('fct_purchase_order_line', "lines.line_status not in ('draft', 'pending', 'rejected')"),
            ('fct_requisition_line', "lines.line_status not in ('draft', 'submitted', 'rejected')"),
            ('fct_budget_line', 'lines.is_effective'),
        ] %}
        select
            lines.legal_entity_id,
            lines.fiscal_period_id,
            lines.currency_code,
            {{ cell_id('lines.legal_entity_id', control_cost_center('lines'), control_account('lines'), 'lines.project_id', 'lines') }}
                as cell_id
        from {{ ref(fact) }} as lines
        {{ control_level_joins('lines') }}
        where lines.amount_functional is null and not lines.is_deleted and lines.legal_entity_id <> 'UNMAPPED' and {{ condition }}
        {%- if not loop.last %}
        union all
        {%- endif %}
        {%- endfor %}
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
