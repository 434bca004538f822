select
    supplier as source_key,
    changed_at,
    supplier as supplier_code,
    name as supplier_name,
    tax_number as tax_id,
    iban as bank_account,
    street as address,
    postcode as postal_code,
    city,
    country as country_code,
    _batch_id,
    _batch_seq,
    _deleted
from {{ landed('procurement', 'suppliers') }} as suppliers
