-- Grain: one row per operating unit and batch. The book names its operating units on each record.
select
    operating_unit as source_key,
    operating_unit as cost_center_code,
    max(trim(operating_unit_name)) as cost_center_name,
    'OKC' as entity_code,
    _batch_id,
    _batch_seq,
    false as _deleted
from {{ landed('budget', 'budget_detail') }} as d
group by operating_unit, _batch_id, _batch_seq
