{{ dimension_members('supplier') }},

final as (

    select
        supplier_id,
        source_system,
        supplier_name,
        tax_id,
        country_code,
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
