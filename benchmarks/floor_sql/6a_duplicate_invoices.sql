-- ---- C08 duplicate invoice
create temp table paper as
select
    invoice_no, min(legal_entity_id) as legal_entity_id, max(fiscal_period_id) as fiscal_period_id,
    min(supplier_id) as supplier_id, case when min(supplier_id) in ('UNMAPPED', 'NONE')
        then 'procurement:' || min(supplier_code) else min(supplier_id) end as supplier_key,
    nullif(regexp_replace(regexp_replace(replace(upper(min(supplier_reference)), ' ', ''), '(^|[^0-9])0+([0-9])', '\1\2', 'g'),
        '[-[:space:][:punct:]]', '', 'g'), '') as number_key,
    min(document_type) as document_type, count(po_number) = count(*) as is_ordered,
    coalesce(min(po_number) || '|' || max(po_number), 'NONE') as order_key,
    max(invoice_date) as invoice_date, max(posting_date) as posting_date, min(currency) as currency,
    sum(amount_txn) as amount_txn, sum(amount_functional) as amount_functional, sum(amount_group) as amount_group
from invoice where posting_date <= date '${as_of}' group by invoice_no;

create temp table block as
select 'number' as aspect, supplier_key, number_key, document_type, null as currency, null as amount_txn,
    max(legal_entity_id) as legal_entity_id, max(fiscal_period_id) as fiscal_period_id, count(*) as papers
from paper where number_key is not null group by supplier_key, number_key, document_type
union all by name
select 'amount' as aspect, supplier_key, currency, amount_txn, max(legal_entity_id) as legal_entity_id,
    max(fiscal_period_id) as fiscal_period_id, count(*) as papers
from paper where document_type = 'invoice' and amount_txn <> 0
group by supplier_key, currency, amount_txn having count(*) filter (where not is_ordered) > 0;

create temp table copy_group as
with candidate as (
    select block.aspect, block.rowid as block_id, paper.*
    from block join paper on paper.supplier_key = block.supplier_key and paper.number_key = block.number_key
        and paper.document_type = block.document_type
    where block.papers > 1 and block.aspect = 'number'
    union all
    select block.aspect, block.rowid, paper.*
    from block join paper on paper.supplier_key = block.supplier_key and paper.currency = block.currency
        and paper.amount_txn = block.amount_txn and paper.document_type = 'invoice'
    where block.papers > 1 and block.aspect = 'amount'
), alike as (
    select distinct on (invoice_no) * exclude (aspect, block_id) from candidate where document_type = 'invoice'
), memo as (
    select *, row_number() over (partition by supplier_key, currency, amount_txn, number_key order by posting_date, invoice_no)
        as place
    from paper
    where document_type = 'credit_memo'
        and (supplier_key, currency, -amount_txn) in (select (supplier_key, currency, amount_txn) from alike)
), by_number as (
    select numbered.invoice_no, memo.invoice_no as memo_no
    from (
        select *, row_number() over (partition by supplier_key, currency, amount_txn, number_key order by posting_date, invoice_no)
            as place from alike
    ) as numbered
    join memo on memo.supplier_key = numbered.supplier_key and memo.currency = numbered.currency
        and memo.amount_txn = -numbered.amount_txn and memo.number_key = numbered.number_key and memo.place = numbered.place
), reversed as (
    select invoice_no from by_number
    union
    select ordered.invoice_no
    from (
        select *, row_number() over (partition by supplier_key, currency, amount_txn, order_key order by posting_date, invoice_no)
            as place from alike where invoice_no not in (select invoice_no from by_number)
    ) as ordered
    join (
        select *, row_number() over (partition by supplier_key, currency, amount_txn, order_key order by posting_date, invoice_no)
            as order_place from memo where invoice_no not in (select memo_no from by_number)
    ) as memo on memo.supplier_key = ordered.supplier_key and memo.currency = ordered.currency
        and memo.amount_txn = -ordered.amount_txn and memo.order_key = ordered.order_key and memo.order_place = ordered.place
), spaced as (
    select
        candidate.*, invoice_no in (select invoice_no from reversed) as is_reversed,
        coalesce(aspect = 'amount' and invoice_date - lag(invoice_date) over (
            partition by aspect, block_id order by invoice_date, invoice_no) > 5, false)::int as begins
    from candidate
), numbered as (
    select *, sum(begins) over (partition by aspect, block_id order by invoice_date, invoice_no rows unbounded preceding) as group_no
    from spaced
)
select
    aspect, block_id, group_no, min(supplier_key) as supplier_key, min(supplier_id) as supplier_id,
    min(number_key) as number_key, min(document_type) as document_type, min(invoice_no) as first_no,
    arg_max(legal_entity_id, (posting_date, invoice_no)) filter (where not is_reversed) as legal_entity_id,
    arg_max(fiscal_period_id, (posting_date, invoice_no)) filter (where not is_reversed) as fiscal_period_id,
    arg_max(invoice_date, (posting_date, invoice_no)) filter (where not is_reversed) as document_date,
    arg_max(legal_entity_id, (posting_date, invoice_no)) as any_entity_id,
    arg_max(fiscal_period_id, (posting_date, invoice_no)) as any_period_id,
    case when min(currency) = max(currency) then min(currency) end as currency,
    list(invoice_no) filter (where not is_reversed) as papers,
    case when aspect = 'number' then count(*) filter (where not is_reversed)
        else count(distinct coalesce(number_key, invoice_no)) filter (where not is_reversed) end as candidates,
    aspect = 'number' or count(*) filter (where not is_reversed and not is_ordered) > 0 as is_compared,
    sum(amount_txn) filter (where not is_reversed) as amount_txn,
    case when candidates > 1 and count(amount_functional) filter (where not is_reversed) = count(*) filter (where not is_reversed)
        then sum(amount_functional) filter (where not is_reversed) end as amount_functional,
    case when candidates > 1 and count(amount_group) filter (where not is_reversed) = count(*) filter (where not is_reversed)
        then sum(amount_group) filter (where not is_reversed) end as amount_group,
    case when min(document_type) = 'invoice' then max(amount_txn) filter (where not is_reversed)
        else min(amount_txn) filter (where not is_reversed) end as kept_txn,
    case when min(document_type) = 'invoice' then max(amount_functional) filter (where not is_reversed)
        else min(amount_functional) filter (where not is_reversed) end as kept_functional,
    case when min(document_type) = 'invoice' then max(amount_group) filter (where not is_reversed)
        else min(amount_group) filter (where not is_reversed) end as kept_group
from numbered group by aspect, block_id, group_no;

insert into passing
select 'C08', legal_entity_id, fiscal_period_id, 'matched', count(*) from (
    select legal_entity_id, fiscal_period_id from block where papers = 1
    union all
    select coalesce(legal_entity_id, any_entity_id), coalesce(fiscal_period_id, any_period_id)
    from copy_group where candidates < 2 or not is_compared
) group by all;

insert into failing by name
with copies as (
    select * from copy_group where candidates > 1 and is_compared
), coding as (
    select
        aspect, block_id, group_no, case when min(cell_id) = max(cell_id) then min(cell_id) end as cell_id,
        case when min(account_id) = max(account_id) then min(account_id) end as account_id,
        case when min(cost_center_id) = max(cost_center_id) then min(cost_center_id) end as cost_center_id
    from (
        select one.aspect, one.block_id, one.group_no, line.account_id, line.cost_center_id, cell_of(line.legal_entity_id,
            line.cost_center_id, line.account_id, line.project_id, line.segment_1, line.segment_2) as cell_id
        from (select aspect, block_id, group_no, unnest(papers) as invoice_no from copies) as one
        join invoice as line on line.invoice_no = one.invoice_no
    ) group by aspect, block_id, group_no
)
select
    'C08' as control_id, copies.legal_entity_id, copies.fiscal_period_id,
    case when candidates > 2 then 'several_candidates' when aspect = 'number' then 'same_number' else 'same_amount' end
        as reason_code,
    aspect,
    case aspect when 'number' then copies.supplier_key || '|' || number_key
        || case document_type when 'invoice' then '' else '|credit_memo' end else 'procurement|' || first_no end as business_key,
    'procurement' as left_system, 'procurement' as right_system,
    case when currency is not null then kept_txn end as left_amount,
    case when currency is not null then amount_txn end as right_amount, left_amount - right_amount as difference_amount,
    currency as currency_code, abs(amount_functional - kept_functional) as amount_functional,
    abs(amount_group - kept_group) as amount_group, supplier_id, coding.account_id, coding.cost_center_id, coding.cell_id,
    document_date
from copies join coding using (aspect, block_id, group_no);

-- an order line that waits for the approval of one more invoice
create temp table waiting_line as
with line as (
    select
        invoice.order_id, sum(invoice.quantity) as quantity_all, sum(invoice.amount_net_txn) as amount_all,
        count(distinct invoice.invoice_no) filter (where invoice.amount_net_txn > 0) as candidates,
        max(invoice.posting_date) filter (where not invoice.is_approved) as dated_on,
        count(*) filter (where case when orders.line_type = 'quantity' then invoice.unit <> orders.unit
            else invoice.currency <> orders.currency end) as others
    from invoice join orders on orders.rowid = invoice.order_id
    where invoice.order_id in (select order_id from invoice where not is_approved) and invoice.posting_date <= date '${as_of}'
    group by invoice.order_id
)
select
    line.*, coalesce(day.fiscal_period_id, 'UNMAPPED') as fiscal_period_id,
    case when orders.line_type = 'quantity' then at_price(orders.quantity, unit_price, amount_net_txn, orders.quantity)
        else amount_net_txn end as ordered_txn,
    case when orders.line_type = 'quantity' then at_price(quantity_all, unit_price, amount_net_txn, orders.quantity)
        else amount_all end::decimal(18,4) as invoiced_txn,
    candidates > 1 and coalesce(case when orders.line_type = 'quantity'
        then quantity_invoiced <= orders.quantity and quantity_all > orders.quantity
        else amount_net_invoiced_txn <= amount_net_txn and amount_all > amount_net_txn end, false) as is_beyond,
    within(cast(invoiced_txn - ordered_txn as decimal(28,4)) * coalesce(orders.rate_functional, 1), 0, 0.05, 0::decimal(18,10))
        as is_small
from line
join orders on orders.rowid = line.order_id
join order_line on order_line.order_id = line.order_id
left join entity_day as day on day.legal_entity_id = orders.legal_entity_id and day.period_day = line.dated_on
where others = 0;

insert into passing
select 'C08', orders.legal_entity_id, waiting_line.fiscal_period_id, case when is_beyond then 'within' else 'matched' end, count(*)
from waiting_line join orders on orders.rowid = order_id where not is_beyond or is_small group by all;

insert into failing by name
select
    'C08' as control_id, orders.legal_entity_id, line.fiscal_period_id,
    case when candidates > 2 then 'several_candidates' else 'order_line_twice' end as reason_code, 'order_line' as aspect,
    'procurement|' || order_no || '|' || line_no as business_key, 'procurement' as left_system, 'procurement' as right_system,
    ordered_txn as left_amount, invoiced_txn as right_amount, ordered_txn - invoiced_txn as difference_amount,
    orders.currency as currency_code,
    cast(cast(invoiced_txn - ordered_txn as decimal(28,4)) * orders.rate_functional as decimal(28,4)) as amount_functional,
    cast(cast(invoiced_txn - ordered_txn as decimal(28,4)) * orders.rate_group as decimal(28,4)) as amount_group,
    supplier_id, account_id, cost_center_id, cell_of(orders.legal_entity_id, cost_center_id, account_id, project_id, segment_1, segment_2) as cell_id,
    dated_on as document_date
from waiting_line as line join orders on orders.rowid = line.order_id
where is_beyond and not is_small;
