-- Amounts come unsigned beside a debit or credit code: debit is positive from here on.
select
    journal || '|' || cast(line as varchar) as source_key,
    changed_at,
    journal as journal_no,
    line as line_no,
    posting_date,
    document_date,
    fiscal_year,
    period as period_no,
    case document_type
        when 'WE' then 'receipt'
        when 'RE' then 'invoice'
        when 'KZ' then 'payment'
        when 'DR' then 'billing'
        when 'DZ' then 'payment'
        when 'AB' then 'closing'
        else 'manual'
    end as source_document_type,
    reference as source_document_no,
    reference_line as source_document_line_no,
    po_number as order_no,
    po_line as order_line_no,
    company as entity_code,
    account as account_code,
    cost_center as cost_center_code,
    project as project_code,
    supplier as supplier_code,
    location as segment_1,
    program as segment_2,
    currency as currency_code,
    case debit_credit when 'C' then -amount else amount end as amount_txn,
    case debit_credit when 'C' then -local_amount else local_amount end as amount_functional,
    _batch_id,
    _batch_seq,
    _deleted
from {{ landed('ledger', 'journal_lines') }} as journal_lines
