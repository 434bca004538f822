{{ config(materialized='view') }}

with final as (

    select
        movements.*,
        {{ control_cost_center('movements') }} as control_cost_center_id,
        {{ control_account('movements') }} as control_account_id,
        {{ cell_id(
            'movements.legal_entity_id', control_cost_center('movements'), control_account('movements'), 'movements.project_id', 'movements'
        ) }} as cell_id,
        entity.functional_currency
    from {{ ref('fct_commitment_movement') }} as movements
    left join {{ ref('dim_legal_entity') }} as entity on entity.legal_entity_id = movements.legal_entity_id
    {{ control_level_joins('movements') }}

)

{{ cast_to_contract('final') }}
