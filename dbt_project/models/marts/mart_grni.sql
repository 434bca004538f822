{{ config(materialized='view') }}

with open_lines as (

    select * from {{ ref('int_grni_line') }}
    where coalesce(open_functional, 1) <> 0 or ledger_functional <> 0

),

final as (

    select
        open_lines.*,
        supplier.supplier_name,
        entity.functional_currency,
        case when open_lines.record_key is not null then {{ control_cost_center('open_lines') }} end as control_cost_center_id,
        case when open_lines.record_key is not null then {{ control_account('open_lines') }} end as control_account_id,
        case when open_lines.record_key is not null then {{ cell_id(
            'open_lines.legal_entity_id', control_cost_center('open_lines'), control_account('open_lines'), 'open_lines.project_id',
            'open_lines'
        ) }} end as cell_id,
        open_lines.open_functional - open_lines.ledger_functional as difference_functional,
        {{ as_of() }} - open_lines.open_since as age_days,
        case
            when open_lines.open_since is null then 'none'
            when {{ as_of() }} - open_lines.open_since <= 30 then '0-30'
            when {{ as_of() }} - open_lines.open_since <= 60 then '31-60'
            when {{ as_of() }} - open_lines.open_since <= 90 then '61-90'
            when {{ as_of() }} - open_lines.open_since <= 180 then '91-180'
            else 'over 180'
        end as age_band,
        {{ as_of() }} as as_of
    from open_lines
    left join {{ ref('dim_legal_entity') }} as entity on entity.legal_entity_id = open_lines.legal_entity_id
    left join {{ ref('dim_supplier') }} as supplier on supplier.supplier_id = open_lines.supplier_id
    {{ control_level_joins('open_lines') }}

)

{{ cast_to_contract('final') }}
