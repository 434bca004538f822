-- Grain: one row per vendor and batch. An inactive vendor is a blocked one.
select
    vendor_id as source_key,
    vendor_id as supplier_code,
    trim(name) as supplier_name,
    active = '0' as is_blocked,
    modified_at as changed_at,
    _batch_id,
    _batch_seq,
    _deleted
from {{ landed('purchasing', 'vendor') }} as vendor
