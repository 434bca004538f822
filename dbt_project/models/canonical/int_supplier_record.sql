{{ dimension_members('supplier') }},

-- 1. records of a mapped system whose code comes to no supplier are records all the same
records as (

    select
        source_system, record_key, is_deleted, supplier_code, supplier_name, tax_id, bank_account, address, postal_code, city,
        country_code, is_blocked, valid_from, valid_to, supplier_id, precedence
    from members

    union all

    select
        source_system, record_key, is_deleted, supplier_code, supplier_name, tax_id, bank_account, address, postal_code, city,
        country_code, is_blocked, valid_from, valid_to, 'UNMAPPED' as supplier_id, cast(null as bigint) as precedence
    from identified
    where supplier_id is null or supplier_id in ('UNMAPPED', 'NONE', 'ALL')

),

-- 2. the keys under which they are compared
keyed as (

    select
        records.*,
        {{ supplier_name_key('supplier_name') }} as name_key,
        {{ supplier_identifier('tax_id', 'country_code') }} as tax_text,
        {{ supplier_identifier('bank_account') }} as bank_text
    from records

),

telling as (

    select
        keyed.*,
        {{ telling_identifier('tax_text') }} as tax_key,
        {{ telling_identifier('bank_text') }} as bank_key
    from keyed

),

-- 3. of a bank account only its fingerprint, for comparison, and its last four signs, for people
final as (

    select
        source_system,
        record_key,
        is_deleted,
        supplier_code,
        supplier_id,
        precedence,
        supplier_name,
        tax_id,
        right(bank_text, 4) as bank_account,
        address,
        postal_code,
        city,
        upper(country_code) as country_code,
        coalesce(is_blocked, false) as is_blocked,
        valid_from,
        valid_to,
        name_key,
        tax_key,
        md5('{{ var("deployment", "") }}|' || bank_key) as bank_fingerprint
    from telling

)

{{ cast_to_contract('final') }}
