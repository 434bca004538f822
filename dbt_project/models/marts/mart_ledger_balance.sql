{{ config(materialized='view') }}

with final as (

    select
        actual.*,
        period.fiscal_year,
        account.account_name,
        coalesce(account.account_type, 'none') as account_type,
        entity.functional_currency as currency_code
    from {{ ref('int_actual') }} as actual
    left join {{ ref('dim_account') }} as account on account.account_id = actual.account_id
    left join {{ ref('dim_legal_entity') }} as entity on entity.legal_entity_id = actual.legal_entity_id
    left join {{ ref('dim_fiscal_period') }} as period on period.fiscal_period_id = actual.fiscal_period_id

)

{{ cast_to_contract('final') }}
