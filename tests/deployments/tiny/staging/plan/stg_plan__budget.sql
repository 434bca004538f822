select
    version || '|' || cast(line as varchar) as source_key,
    version as version_code,
    'original' as version_kind,
    'approved' as version_status,
    month as budget_date,
    company as entity_code,
    center as cost_center_code,
    account as account_code,
    'EUR' as currency_code,
    amount as amount_txn,
    _batch_id,
    _batch_seq,
    _deleted
from {{ landed('plan', 'budget') }} as budget
