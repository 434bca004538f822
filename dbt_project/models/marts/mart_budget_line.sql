{{ config(materialized='view') }}

with final as (

    select * from {{ ref('int_budget_line') }}

)

{{ cast_to_contract('final') }}
