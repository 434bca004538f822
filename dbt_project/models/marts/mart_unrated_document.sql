{{ config(materialized='view') }}

with final as (

    {{ documents_without_rate() }}

)

{{ cast_to_contract('final') }}
