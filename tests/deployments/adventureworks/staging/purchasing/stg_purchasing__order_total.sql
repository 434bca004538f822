-- Grain: one row per order header and batch: what the header says that its lines, and all of it, come to.
select
    order_id as source_key,
    'purchase_order' as document_type,
    order_id as document_no,
    order_date as document_date,
    '1' as entity_code,
    vendor_id as supplier_code,
    'USD' as currency_code,
    sub_total as amount_net_txn,
    tax_amount as amount_tax_txn,
    freight as amount_other_txn,
    total_due as amount_txn,
    modified_at as changed_at,
    _batch_id,
    _batch_seq,
    _deleted
from {{ landed('purchasing', 'order_header') }} as header
