-- Amounts come unsigned beside a debit or credit code: debit is positive from here on.
select
    item as source_key,
    changed_at,
    item as document_no,
    company as entity_code,
    vendor as supplier_code,
    posting_date,
    cleared_on,
    currency as currency_code,
    case debit_credit when 'C' then -amount else amount end as amount_txn,
    case debit_credit when 'C' then -local_amount else local_amount end as amount_functional,
    _batch_id,
    _batch_seq,
    _deleted
from {{ landed('ledger', 'supplier_items') }} as supplier_items
