select
    cost_center as source_key,
    cost_center as cost_center_code,
    name as cost_center_name,
    company as entity_code,
    parent as parent_cost_center_code,
    blocked = 'Y' as is_blocked,
    _batch_id,
    _batch_seq,
    _deleted
from {{ landed('ledger', 'cost_centers') }} as cost_centers
