select
    project as source_key,
    project as project_code,
    name as project_name,
    company as entity_code,
    valid_from,
    valid_to,
    _batch_id,
    _batch_seq,
    _deleted
from {{ landed('ledger', 'projects') }} as projects
