with open_lines as (

    select *
    from {{ ref('int_commitment_line') }}
    where amount_open_txn <> 0

),

final as (

    select
        open_lines.*,
        orders.line_type,
        orders.line_status,
        orders.relief_point,
        orders.due_on,
        orders.quantity_ordered,
        orders.quantity_received,
        orders.quantity_invoiced,
        entity.functional_currency,
        supplier.supplier_name,
        {{ control_cost_center('open_lines') }} as control_cost_center_id,
        {{ control_account('open_lines') }} as control_account_id,
        {{ cell_id(
            'open_lines.legal_entity_id', control_cost_center('open_lines'), control_account('open_lines'),
            'open_lines.project_id', 'open_lines'
        ) }} as cell_id,
        {{ as_of() }} - open_lines.committed_on as age_days,
        case
            when {{ as_of() }} - open_lines.committed_on <= 30 then '0-30'
            when {{ as_of() }} - open_lines.committed_on <= 90 then '31-90'
            when {{ as_of() }} - open_lines.committed_on <= 180 then '91-180'
            when {{ as_of() }} - open_lines.committed_on <= 365 then '181-365'
            else 'over 365'
        end as age_band,
        {{ as_of() }} as as_of
    from open_lines
    left join {{ ref('int_order_line') }} as orders
        on orders.record_key = open_lines.record_key and open_lines.commitment_kind = 'encumbrance'
    left join {{ ref('dim_legal_entity') }} as entity on entity.legal_entity_id = open_lines.legal_entity_id
    left join {{ ref('dim_supplier') }} as supplier on supplier.supplier_id = open_lines.supplier_id
    {{ control_level_joins('open_lines') }}

)

{{ cast_to_contract('final') }}
