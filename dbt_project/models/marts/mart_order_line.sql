{{ config(materialized='view') }}

with final as (

    select
        lines.*,
        supplier.supplier_name,
        entity.functional_currency,
        greatest(lines.quantity_ordered - lines.quantity_received, 0) as quantity_short,
        greatest(lines.quantity_received - lines.quantity_ordered, 0) as quantity_over,
        case
            when lines.quantity_ordered > lines.quantity_received then lines.ordered_value_txn - lines.received_value_txn else 0
        end as amount_short_txn,
        lines.rejected_value_txn as amount_rejected_txn,
        coalesce(commitments.amount_adjusted_txn, 0) as amount_adjusted_txn,
        coalesce(commitments.amount_relieved_txn, 0) as amount_relieved_txn,
        coalesce(commitments.amount_released_txn, 0) as amount_released_txn,
        coalesce(commitments.amount_open_txn, 0) as amount_open_txn,
        case when commitments.record_key is null then 0 else commitments.amount_open_functional end as amount_open_functional,
        case when commitments.record_key is null then 0 else commitments.amount_open_group end as amount_open_group
    from {{ ref('int_order_line') }} as lines
    left join {{ ref('int_commitment_line') }} as commitments
        on commitments.record_key = lines.record_key and commitments.commitment_kind = 'encumbrance'
    left join {{ ref('dim_supplier') }} as supplier on supplier.supplier_id = lines.supplier_id
    left join {{ ref('dim_legal_entity') }} as entity on entity.legal_entity_id = lines.legal_entity_id

)

{{ cast_to_contract('final') }}
