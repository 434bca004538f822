-- Grain: one row per order line and batch. Vendor, date and status stand on the header.
-- Tax and freight are stated for the whole order only, so a line obligates its net value.
with

header as (
    select *
    from (
        select
            h.*,
            row_number() over (partition by h.order_id order by h._batch_seq desc) as _age
        from {{ landed('purchasing', 'order_header') }} as h
    ) as versions
    where _age = 1
)

select
    line.order_id || '|' || cast(line.line_id as varchar) as source_key,
    line.order_id as order_no,
    line.line_id as line_no,
    'quantity' as line_type,
    case header.status
        when '1' then 'pending'
        when '2' then 'approved'
        when '3' then 'rejected'
        when '4' then 'closed'
        else 'draft'
    end as line_status,
    '1' as entity_code,
    header.vendor_id as supplier_code,
    coalesce(header.order_date, line.due_date) as order_date,
    line.due_date as due_on,
    case when header.status = '4' then cast(header.modified_at as date) end as closed_on,
    line.quantity,
    line.unit_price,
    'USD' as currency_code,
    line.line_total as amount_net_txn,
    greatest(line.modified_at, header.modified_at) as changed_at,
    line._batch_id,
    line._batch_seq,
    line._deleted or coalesce(header._deleted, false) as _deleted
from {{ landed('purchasing', 'order_line') }} as line
left join header on line.order_id = header.order_id
