{{ config(materialized='view') }}

with final as (

    select
        movements.commitment_kind || '|' || movements.record_key || '|' || movements.movement_type
        || '|' || movements.document_key || '|' || cast(movements.movement_on as varchar)
        || '|' || cast(movements.sequence_no as varchar) as movement_id,
        movements.*,
        {{ control_cost_center('movements') }} as control_cost_center_id,
        {{ control_account('movements') }} as control_account_id,
        entity.functional_currency
    from {{ ref('fct_commitment_movement') }} as movements
    left join {{ ref('dim_legal_entity') }} as entity on entity.legal_entity_id = movements.legal_entity_id
    {{ control_level_joins('movements') }}

)

{{ cast_to_contract('final') }}
