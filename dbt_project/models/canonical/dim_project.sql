{{ dimension_members('project', entity=true) }},

final as (

    select
        project_id,
        source_system,
        project_name,
        legal_entity_id,
        coalesce(is_blocked, false) as is_blocked,
        valid_from,
        valid_to,
        is_deleted
    from members
    where precedence = 1

    union all

    select 'UNMAPPED', 'finance_sync', 'Code without counterpart', null, false, null, null, false

    union all

    select 'NONE', 'finance_sync', 'No code given', null, false, null, null, false

)

{{ cast_to_contract('final') }}
