select
    budget as source_key,
    changed_at,
    'published' as checkpoint_stage,
    published_on as stated_on,
    entity as entity_code,
    cost_center as cost_center_code,
    account as account_code,
    project as project_code,
    location as segment_1,
    program as segment_2,
    fiscal_year,
    period_no,
    currency as currency_code,
    amount as amount_txn,
    _batch_id,
    _batch_seq,
    _deleted
from {{ landed('procurement', 'budgets') }} as budgets
