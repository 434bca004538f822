-- Grain: one row per budget record and batch: what the book says that adopted budget and amendments come to.
select
    fund_code || '|' || operating_unit || '|' || program_id || '|' || account as source_key,
    'budget' as document_type,
    fund_code || '|' || operating_unit || '|' || program_id || '|' || account as document_no,
    date '2013-07-01' as document_date,
    'OKC' as entity_code,
    'USD' as currency_code,
    adopted as amount_net_txn,
    amendments as amount_other_txn,
    amended as amount_txn,
    _batch_id,
    _batch_seq,
    _deleted
from {{ landed('budget', 'budget_detail') }} as d
