select
    number as source_key,
    number as account_code,
    name as account_name,
    kind as account_type,
    _batch_id,
    _batch_seq,
    _deleted
from {{ landed('erp', 'account') }} as account
