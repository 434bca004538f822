-- Grain: one row per department group and batch. Department groups are shared by all organizations.
select
    department_key as source_key,
    department_key as cost_center_code,
    trim(name) as cost_center_name,
    parent_department_key as parent_cost_center_code,
    _batch_id,
    _batch_seq,
    _deleted
from {{ landed('finance', 'department') }} as department
