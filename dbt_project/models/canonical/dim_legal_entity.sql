with final as (

    select
        legal_entity_id,
        name as legal_entity_name,
        country_code,
        functional_currency,
        calendar_id
    from {{ source('reference', 'entities') }}

    union all

    select 'UNMAPPED', 'Code without counterpart', null, 'XXX', 'UNMAPPED'

    union all

    select 'ALL', 'All entities', null, '{{ var("group_currency") }}', 'ALL'

)

{{ cast_to_contract('final') }}
