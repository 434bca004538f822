-- Grain: one row per account and batch. Facts carry the key, so the key is the code; the name starts with the public code.
-- The source knows no equity: owners' equity is among its liabilities. The balance sheet's heading has no type.
select
    account_key as source_key,
    account_key as account_code,
    account_code || ' ' || trim(description) as account_name,
    case account_type
        when 'Assets' then 'asset'
        when 'Liabilities' then 'liability'
        when 'Revenue' then 'revenue'
        when 'Expenditures' then 'expense'
        else 'statistical'
    end as account_type,
    parent_account_key as parent_account_code,
    _batch_id,
    _batch_seq,
    _deleted
from {{ landed('finance', 'account') }} as account
