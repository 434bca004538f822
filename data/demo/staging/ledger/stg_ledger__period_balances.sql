select
    balance_id as source_key,
    changed_at,
    period_end as balance_date,
    fiscal_year,
    period as period_no,
    company as entity_code,
    account as account_code,
    cost_center as cost_center_code,
    local_currency as currency_code,
    debit - credit as amount_functional,
    _batch_id,
    _batch_seq,
    _deleted
from {{ landed('ledger', 'period_balances') }} as period_balances
