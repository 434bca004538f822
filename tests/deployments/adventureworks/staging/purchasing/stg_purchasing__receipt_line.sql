-- Grain: one row per order line and batch: the source keeps the quantities received on the order line, not on receipts.
-- It says no receipt date either; the day of the line's last change stands in. The rejected units are in the quantity.
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
    line.order_id as receipt_no,
    line.line_id as line_no,
    'posted' as line_status,
    cast(line.modified_at as date) as posting_date,
    '1' as entity_code,
    header.vendor_id as supplier_code,
    line.order_id as order_no,
    line.line_id as order_line_no,
    line.quantity_received as quantity,
    line.quantity_rejected,
    'USD' as currency_code,
    line.modified_at as changed_at,
    line._batch_id,
    line._batch_seq,
    line._deleted or coalesce(header._deleted, false) as _deleted
from {{ landed('purchasing', 'order_line') }} as line
left join header on line.order_id = header.order_id
