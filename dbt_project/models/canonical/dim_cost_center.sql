{{ dimension_members('cost_center', parent='parent_cost_center', entity=true) }},

final as (

    select
        cost_center_id,
        source_system,
        cost_center_name,
        legal_entity_id,
        parent_cost_center_id,
        coalesce(is_blocked, false) as is_blocked,
        valid_from,
        valid_to,
        is_deleted
    from members
    where precedence = 1

    union all

    select 'UNMAPPED', 'finance_sync', 'Code without counterpart', null, null, false, null, null, false

    union all

    select 'NONE', 'finance_sync', 'No code given', null, null, false, null, null, false

)

{{ cast_to_contract('final') }}
