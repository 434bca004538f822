-- ---- order lines and what came for them
create temp table order_line as
with receipts as (
    select
        receipt.order_id,
        count(*) as receipt_count,
        sum(receipt.quantity) as quantity_received,
        sum(receipt.amount_txn) as amount_received_txn,
        sum(receipt.quantity_rejected) as quantity_rejected,
        max(receipt.posting_date) as received_on,
        max(receipt.posting_date) filter (where receipt.quantity_rejected > 0) as rejected_on,
        max(receipt.posting_date) filter (where receipt.unit <> orders.unit) as other_unit_on,
        sum(receipt.quantity) filter (where receipt.posting_date > orders.closed_on and receipt.quantity > 0)
            as quantity_after_close,
        sum(receipt.amount_txn) filter (where receipt.posting_date > orders.closed_on and receipt.amount_txn > 0)
            as amount_after_close,
        max(receipt.posting_date) filter (
            where receipt.posting_date > orders.closed_on and (receipt.quantity > 0 or receipt.amount_txn > 0)) as after_close_on
    from receipt join orders on orders.rowid = receipt.order_id
    where receipt.posting_date <= date '${as_of}'
    group by receipt.order_id
), invoices as (
    select
        invoice.order_id,
        count(*) as invoice_count,
        sum(invoice.quantity) as quantity_invoiced,
        sum(invoice.amount_net_txn) as amount_net_invoiced_txn,
        sum(invoice.amount_tax_txn) as amount_tax_invoiced_txn,
        max(invoice.posting_date) as invoiced_on,
        sum(invoice.quantity) filter (where invoice.quantity < 0 or date '${as_of}' - invoice.posting_date > 10)
            as quantity_invoiced_due,
        sum(invoice.amount_net_txn) filter (where invoice.amount_net_txn < 0 or date '${as_of}' - invoice.posting_date > 10)
            as amount_invoiced_due,
        max(invoice.posting_date) filter (where date '${as_of}' - invoice.posting_date > 10 and invoice.amount_net_txn > 0)
            as invoiced_due_on,
        max(invoice.posting_date) filter (where invoice.unit <> orders.unit) as other_unit_on,
        max(invoice.posting_date) filter (where invoice.currency <> orders.currency) as other_currency_on,
        sum(abs(invoice.amount_functional)) filter (where invoice.currency <> orders.currency) as other_currency_functional,
        sum(abs(invoice.amount_group)) filter (where invoice.currency <> orders.currency) as other_currency_group,
        sum(invoice.amount_net_txn) filter (where invoice.posting_date > orders.closed_on and invoice.amount_net_txn > 0)
            as amount_after_close,
        max(invoice.posting_date) filter (
            where invoice.posting_date > orders.closed_on and (invoice.quantity > 0 or invoice.amount_net_txn > 0))
            as after_close_on
    from invoice join orders on orders.rowid = invoice.order_id
    where invoice.is_approved and invoice.posting_date <= date '${as_of}'
    group by invoice.order_id
)
select
    orders.rowid as order_id,
    coalesce(receipts.receipt_count, 0) as receipt_count,
    coalesce(receipts.quantity_received, 0)::decimal(28,4) as quantity_received,
    coalesce(receipts.amount_received_txn, 0)::decimal(28,4) as amount_received_txn,
    coalesce(receipts.quantity_rejected, 0)::decimal(28,4) as quantity_rejected,
    receipts.received_on, receipts.rejected_on,
    coalesce(invoices.invoice_count, 0) as invoice_count,
    coalesce(invoices.quantity_invoiced, 0)::decimal(28,4) as quantity_invoiced,
    coalesce(invoices.amount_net_invoiced_txn, 0)::decimal(28,4) as amount_net_invoiced_txn,
    coalesce(invoices.amount_tax_invoiced_txn, 0)::decimal(28,4) as amount_tax_invoiced_txn,
    invoices.invoiced_on,
    coalesce(invoices.quantity_invoiced_due, 0)::decimal(28,4) as quantity_invoiced_due,
    coalesce(invoices.amount_invoiced_due, 0)::decimal(28,4) as amount_invoiced_due,
    invoices.invoiced_due_on,
    greatest(receipts.other_unit_on, invoices.other_unit_on) as other_unit_on,
    invoices.other_currency_on, invoices.other_currency_functional, invoices.other_currency_group,
    receipts.quantity_after_close, receipts.amount_after_close as amount_received_after_close,
    invoices.amount_after_close as amount_invoiced_after_close,
    greatest(receipts.after_close_on, invoices.after_close_on) as after_close_on,
    coalesce(day.fiscal_period_id, 'UNMAPPED') as activity_period_id
from orders
left join receipts on receipts.order_id = orders.rowid
left join invoices on invoices.order_id = orders.rowid
left join entity_day as day on day.legal_entity_id = orders.legal_entity_id
    and day.period_day = greatest(orders.order_date, orders.approved_on, orders.due_on, orders.closed_on,
        receipts.received_on, invoices.invoiced_on);

-- ---- commitments (SPEC 5)
-- step: 1 opens (obligate, reserve), 2 relieves, 3 releases, 4 reinstates. Converted is what is open, before and after.
create temp table order_event as
with document as (
    select orders.rowid as order_id, 'receipt' as document_kind, 'procurement|' || receipt.document_key as document_key,
        receipt.posting_date as document_on,
        case
            when orders.line_type = 'quantity' and coalesce(orders.quantity, 0) <> 0 then coalesce(receipt.quantity,
                pro_rata(orders.quantity, receipt.amount_txn, orders.amount_net_txn, 4))
            when coalesce(receipt.currency, orders.currency) = orders.currency then receipt.amount_txn
        end as part
    from receipt join orders on orders.rowid = receipt.order_id and orders.relief_point = 'receipt'
    union all
    select orders.rowid, 'invoice', 'procurement|' || invoice.invoice_no || '|' || invoice.line_no, invoice.posting_date,
        case
            when orders.line_type = 'quantity' and coalesce(orders.quantity, 0) <> 0 then coalesce(invoice.quantity,
                pro_rata(orders.quantity, invoice.amount_net_txn, orders.amount_net_txn, 4))
            when invoice.currency = orders.currency then invoice.amount_net_txn
            else pro_rata(orders.amount_txn, invoice.amount_functional, orders.amount_functional, 4)
        end
    from invoice join orders on orders.rowid = invoice.order_id and orders.relief_point = 'invoice'
    where invoice.is_approved
), last_document as (
    select order_id, max(document_on) as document_on from document group by order_id
), line as (
    select
        orders.rowid as order_id, orders.amount_txn, orders.amount_functional, orders.amount_group, orders.rate_functional,
        orders.rate_group, line_type = 'quantity' and coalesce(quantity, 0) <> 0 as is_quantity,
        case
            when line_status in ('approved', 'issued', 'closed') then coalesce(approved_on, order_date)
            when line_status in ('cancelled', 'rejected') then approved_on
        end as begins_on,
        case when line_status in ('closed', 'cancelled', 'rejected') then
            greatest(begins_on, coalesce(closed_on, last_document.document_on, begins_on)) end as ends_on,
        case when line_type = 'quantity' and coalesce(quantity, 0) <> 0 then quantity else amount_net_txn end as whole,
        case when has_decimals(amount_txn, minor_units) then 4 else minor_units end as digits
    from orders left join last_document on last_document.order_id = orders.rowid
    where begins_on is not null
), step as (
    select
        line.*, document.document_kind, document.document_key,
        greatest(document.document_on, line.begins_on) as event_on, document.part,
        sum(document.part) over (partition by line.order_id order by event_on, document.document_key
            rows unbounded preceding) as came,
        clamp(came, line.whole) as done,
        clamp(came - document.part, line.whole) as done_before
    from document join line on line.order_id = document.order_id
    where document.part <> 0 and (line.ends_on is null or document.document_on <= line.ends_on)
), relief as (
    select
        *, left_of(amount_txn, done_before, whole, digits) as open_before, left_of(amount_txn, done, whole, digits) as open_after
    from step
    where done <> done_before
), ended as (
    select
        line.*, clamp(coalesce(total.came, 0), line.whole) as done,
        left_of(line.amount_txn, done, line.whole, line.digits) as open_before
    from line left join (
        select order_id, max(came_last) as came from (
            select order_id, last_value(came) over (partition by order_id order by event_on, document_key
                rows between unbounded preceding and unbounded following) as came_last
            from step
        ) group by order_id
    ) as total on total.order_id = line.order_id
    where line.ends_on is not null
)
select order_id as line_id, 1 as step, begins_on as event_on, 'order' as document_kind, null::varchar as document_key,
    2 as sequence_no, case when is_quantity then whole end as quantity, amount_txn, amount_functional, amount_group
from line
union all
select order_id, case when (done > done_before) = (whole > 0) then 2 else 4 end, event_on, document_kind, document_key, 0,
    case when is_quantity then done_before - done end, open_after - open_before,
    times(open_after, rate_functional) - times(open_before, rate_functional),
    times(open_after, rate_group) - times(open_before, rate_group)
from relief
union all
select order_id, 3, ends_on, 'order', null, 3, case when is_quantity then done - whole end, -open_before,
    -times(open_before, rate_functional), -times(open_before, rate_group)
from ended
where open_before <> 0 or (is_quantity and done <> whole);

create temp table requisition_event as
with made as (
    select
        requisition.rowid as requisition_id, orders.record_key, greatest(orders.order_date, requisition.begins_on) as event_on,
        case when orders.currency = requisition.currency then orders.amount_txn
        else pro_rata(requisition.amount_txn, orders.amount_functional, requisition.amount_functional, 4) end as part
    from orders
    join requisition on requisition.requisition_no = orders.requisition and requisition.line_no = orders.requisition_line
    where requisition.begins_on is not null and (orders.line_status in ('pending', 'approved', 'issued', 'closed')
        or (orders.line_status = 'cancelled' and orders.approved_on is not null))
), last_order as (
    select requisition_id, max(event_on) as event_on from made group by requisition_id
), line as (
    select
        requisition.rowid as requisition_id, begins_on, amount_txn, amount_functional, amount_group, rate_functional, rate_group,
        case
            when line_status in ('closed', 'cancelled', 'rejected')
                then greatest(begins_on, coalesce(closed_on, last_order.event_on, begins_on))
            when line_status = 'ordered' then last_order.event_on
        end as ends_on
    from requisition left join last_order on last_order.requisition_id = requisition.rowid
    where begins_on is not null
), step as (
    select
        line.*, made.event_on, made.record_key as document_key,
        sum(made.part) over (partition by line.requisition_id order by made.event_on, made.record_key
            rows unbounded preceding) as came,
        cast(least(greatest(came, 0), line.amount_txn) as decimal(18,4)) as done,
        cast(least(greatest(came - made.part, 0), line.amount_txn) as decimal(18,4)) as done_before
    from made join line on line.requisition_id = made.requisition_id
    where line.ends_on is null or made.event_on <= line.ends_on
), relief as (
    select *, amount_txn - done_before as open_before, amount_txn - done as open_after from step where done <> done_before
), ended as (
    select line.*, line.amount_txn - coalesce(total.done, 0) as open_before
    from line left join (
        select requisition_id, max(done) as done from step group by requisition_id
    ) as total on total.requisition_id = line.requisition_id
    where line.ends_on is not null
)
select requisition_id as line_id, 1 as step, begins_on as event_on, 'requisition' as document_kind,
    null::varchar as document_key, 2 as sequence_no, null::decimal(18,4) as quantity, amount_txn, amount_functional, amount_group
from line
union all
select requisition_id, 2, event_on, 'order', document_key, 0, null, open_after - open_before,
    times(open_after, rate_functional) - times(open_before, rate_functional),
    times(open_after, rate_group) - times(open_before, rate_group)
from relief
union all
select requisition_id, 3, ends_on, 'requisition', null, 3, null, -open_before, -times(open_before, rate_functional),
    -times(open_before, rate_group)
from ended
where open_before <> 0;

-- what is open on the day, per line
create temp macro open_amounts(events) as table
select
    line_id, min(event_on) as committed_on, max(event_on) as last_event_on,
    sum(amount_txn) filter (where step = 1) as amount_committed_txn,
    0::decimal(18,4) as amount_adjusted_txn,
    coalesce(sum(-amount_txn) filter (where step in (2, 4)), 0) as amount_relieved_txn,
    coalesce(sum(-amount_txn) filter (where step = 3), 0) as amount_released_txn,
    sum(amount_txn) as amount_open_txn,
    case when count(amount_functional) = count(*) then sum(amount_functional) end as amount_open_functional,
    case when count(amount_group) = count(*) then sum(amount_group) end as amount_open_group
from query_table(events)
where event_on <= date '${as_of}'
group by line_id;
