select
    account as source_key,
    account as account_code,
    name as account_name,
    case type
        when 'A' then 'asset'
        when 'L' then 'liability'
        when 'Q' then 'equity'
        when 'R' then 'revenue'
        when 'X' then 'expense'
    end as account_type,
    parent as parent_account_code,
    budget_control = 'Y' as is_budget_controlled,
    blocked = 'Y' as is_blocked,
    _batch_id,
    _batch_seq,
    _deleted
from {{ landed('ledger', 'accounts') }} as accounts
