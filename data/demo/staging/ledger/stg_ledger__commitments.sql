select
    po_number || '|' || cast(po_line as varchar) as source_key,
    changed_at,
    po_number as order_no,
    po_line as order_line_no,
    moved_on as balance_date,
    company as entity_code,
    currency as currency_code,
    open_amount as amount_txn,
    _batch_id,
    _batch_seq,
    _deleted
from {{ landed('ledger', 'commitments') }} as commitments
