{{ config(materialized='view') }}

with final as (

    select
        cost.*,
        {{ control_cost_center('cost') }} as control_cost_center_id,
        {{ control_account('cost') }} as control_account_id,
        {{ cell_id(
            'cost.legal_entity_id', control_cost_center('cost'), control_account('cost'), 'cost.project_id', 'cost'
        ) }} as cell_id
    from {{ ref('int_order_cost') }} as cost
    {{ control_level_joins('cost') }}

)

{{ cast_to_contract('final') }}
