with final as (

    select
        currency_code,
        name as currency_name,
        minor_units,
        withdrawn_on
    from {{ source('reference', 'currency') }}

)

{{ cast_to_contract('final') }}
