select
    center as source_key,
    center as cost_center_code,
    name as cost_center_name,
    _batch_id,
    _batch_seq,
    _deleted
from {{ landed('erp', 'cost_center') }} as cost_center
