with final as (

    select
        supplier_id,
        source_system,
        supplier_name,
        tax_id,
        bank_account,
        address,
        postal_code,
        city,
        country_code,
        is_blocked,
        valid_from,
        valid_to,
        is_deleted
    from {{ ref('int_supplier_record') }}
    where precedence = 1

    union all

    select
        'UNMAPPED', 'finance_sync', 'Code without counterpart', null, null, null, null, null, null, false, null, null, false

    union all

    select 'NONE', 'finance_sync', 'No code given', null, null, null, null, null, null, false, null, null, false

)

{{ cast_to_contract('final') }}
