select
    vendor as source_key,
    changed_at,
    vendor as supplier_code,
    name as supplier_name,
    tax_id,
    country as country_code,
    blocked = 'Y' as is_blocked,
    _batch_id,
    _batch_seq,
    _deleted
from {{ landed('ledger', 'suppliers') }} as suppliers
