-- Grain: one row per account and batch. The book names its accounts on each record; all are expenditures.
select
    account as source_key,
    account as account_code,
    max(trim(account_name)) as account_name,
    'expense' as account_type,
    _batch_id,
    _batch_seq,
    false as _deleted
from {{ landed('budget', 'budget_detail') }} as d
group by account, _batch_id, _batch_seq
