select
    vendor as source_key,
    changed_at,
    vendor as supplier_code,
    name as supplier_name,
    tax_id,
    bank_account,
    address,
    postal_code,
    city,
    country as country_code,
    blocked = 'Y' as is_blocked,
    _batch_id,
    _batch_seq,
    _deleted
from {{ landed('ledger', 'suppliers') }} as suppliers
