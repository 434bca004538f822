{{ dimension_members('account', parent='parent_account') }},

final as (

    select
        account_id,
        source_system,
        account_name,
        account_type,
        parent_account_id,
        account_type <> 'statistical'
        and coalesce(is_budget_controlled, account_type in ('revenue', 'expense')) as is_budget_controlled,
        coalesce(is_blocked, false) as is_blocked,
        valid_from,
        valid_to,
        is_deleted
    from members
    where precedence = 1

    union all

    select 'UNMAPPED', 'finance_sync', 'Code without counterpart', 'unmapped', null, null, false, null, null, false

    union all

    select 'NONE', 'finance_sync', 'No code given', 'none', null, null, false, null, null, false

)

{{ cast_to_contract('final') }}
