select
    journal || '|' || cast(line as varchar) as source_key,
    journal as journal_no,
    line as line_no,
    posted_on as posting_date,
    'manual' as source_document_type,
    company as entity_code,
    center as cost_center_code,
    account as account_code,
    'EUR' as currency_code,
    amount as amount_txn,
    amount as amount_functional,
    _batch_id,
    _batch_seq,
    _deleted
from {{ landed('erp', 'gl_line') }} as gl_line
