-- ---- C07 three-way match
create temp table limit_day as
select distinct on (orders.legal_entity_id, orders.order_date, aspect.aspect)
    orders.legal_entity_id, orders.order_date, aspect.aspect,
    coalesce(tolerance.absolute_functional, 0.05)::decimal(18,4) as absolute_functional,
    coalesce(tolerance.percent, 0.005)::decimal(18,10) as percent
from (select distinct legal_entity_id, order_date from orders) as orders
cross join (values ('price'), ('tax')) as aspect (aspect)
left join tolerance on tolerance.aspect = aspect.aspect and tolerance.legal_entity_id in ('', orders.legal_entity_id)
    and orders.order_date between tolerance.valid_from and tolerance.valid_to
order by tolerance.legal_entity_id = '', tolerance.valid_from desc;

create temp table c07 as
with line as (
    select
        orders.*, order_line.*, orders.line_type = 'quantity' as is_quantity,
        at_price(quantity_received, unit_price, amount_net_txn, quantity) as received_value,
        at_price(quantity_invoiced, unit_price, amount_net_txn, quantity) as invoiced_value,
        at_price(quantity, unit_price, amount_net_txn, quantity) as ordered_value,
        line_status in ('approved', 'issued', 'closed', 'cancelled') as is_live,
        other_unit_on is null as same_unit, other_currency_on is null as same_currency,
        case when invoice_count > 0 then 'procurement' end as invoice_system,
        case when receipt_count > 0 then 'procurement' end as receipt_system,
        pro_rata(amount_tax_txn, amount_net_invoiced_txn, amount_net_txn, 4) as expected_tax
    from orders join order_line on order_line.order_id = orders.rowid
    where order_date <= date '${as_of}'
), difference as (
    select order_id, 'price' as aspect, 'price_differs' as reason_code, invoice_system as right_system,
        invoiced_value as left_amount, amount_net_invoiced_txn as right_amount, left_amount <> right_amount as is_different,
        invoiced_value as base, true as is_tolerated, invoiced_on as dated_on
    from line where is_live and is_quantity and invoice_count > 0 and same_unit and same_currency
    union all by name
    select order_id, 'quantity_invoiced' as aspect, 'over_invoiced' as reason_code, invoice_system as right_system,
        case when is_quantity then ordered_value else amount_net_txn end as left_amount,
        case when is_quantity then invoiced_value else amount_net_invoiced_txn end as right_amount,
        case when is_quantity then quantity_invoiced > quantity else amount_net_invoiced_txn > amount_net_txn end as is_different,
        left_amount as base, true as is_tolerated, invoiced_on as dated_on,
        case when is_quantity then quantity - quantity_invoiced end as quantity_difference
    from line where is_live and invoice_count > 0 and case when is_quantity then same_unit else same_currency end
    union all by name
    select order_id, 'receipt_missing' as aspect, 'invoiced_not_received' as reason_code, receipt_system as right_system,
        invoice_system as left_system,
        case when is_quantity then at_price(quantity_invoiced_due, unit_price, amount_net_txn, quantity)
            else amount_invoiced_due end as left_amount,
        case when is_quantity then received_value else amount_received_txn end as right_amount,
        case when is_quantity then quantity_invoiced_due > quantity_received else amount_invoiced_due > amount_received_txn end
            as is_different,
        case when is_quantity then ordered_value else amount_net_txn end as base, true as is_tolerated,
        invoiced_due_on as dated_on, case when is_quantity then quantity_invoiced_due - quantity_received end as quantity_difference
    from line where is_live and invoiced_due_on is not null and same_unit and (is_quantity or relief_point = 'receipt' and same_currency)
    union all by name
    select order_id, 'quantity_received' as aspect, 'short_receipt' as reason_code, receipt_system as right_system,
        ordered_value as left_amount, received_value as right_amount, left_amount <> right_amount as is_different,
        ordered_value as base, true as is_tolerated,
        case when line_status in ('approved', 'issued') then due_on
            when line_status = 'closed' then coalesce(closed_on, received_on, order_date) else received_on end as dated_on,
        quantity - quantity_received as quantity_difference
    from line where is_quantity and same_unit and quantity_received < quantity and case
        when line_status in ('approved', 'issued') then coalesce(date '${as_of}' - due_on > 10, false)
        when line_status = 'closed' then true else line_status <> 'cancelled' and receipt_count > 0 end
    union all by name
    select order_id, 'quantity_received' as aspect, 'over_receipt' as reason_code, receipt_system as right_system,
        case when is_quantity then ordered_value else amount_net_txn end as left_amount,
        case when is_quantity then received_value else amount_received_txn end as right_amount,
        case when is_quantity then left_amount <> right_amount else amount_received_txn > amount_net_txn end as is_different,
        left_amount as base, true as is_tolerated, received_on as dated_on,
        case when is_quantity then quantity - quantity_received end as quantity_difference
    from line where same_unit and receipt_count > 0
        and case when is_quantity then quantity_received >= quantity else relief_point = 'receipt' end
    union all by name
    select order_id, 'rejected' as aspect, 'rejected_goods' as reason_code, receipt_system as right_system,
        at_price(quantity_rejected, unit_price, amount_net_txn, quantity) as left_amount, 0 as right_amount,
        quantity_rejected > 0 as is_different, false as is_tolerated, coalesce(rejected_on, received_on) as dated_on,
        quantity_rejected as quantity_difference
    from line where receipt_count > 0
    union all by name
    select order_id, 'currency' as aspect, 'currency_differs' as reason_code, invoice_system as right_system,
        other_currency_on is not null as is_different, false as is_tolerated, coalesce(other_currency_on, invoiced_on) as dated_on,
        other_currency_functional as stated_functional, other_currency_group as stated_group
    from line where is_live and invoice_count > 0
    union all by name
    select order_id, 'unit' as aspect, 'unit_differs' as reason_code, 'procurement' as right_system,
        other_unit_on is not null as is_different, false as is_tolerated,
        coalesce(other_unit_on, greatest(received_on, invoiced_on)) as dated_on,
        amount_functional as stated_functional, amount_group as stated_group
    from line where is_live and receipt_count + invoice_count > 0 and unit is not null
    union all by name
    select order_id, 'tax' as aspect, 'tax_differs' as reason_code, invoice_system as right_system,
        expected_tax as left_amount, amount_tax_invoiced_txn as right_amount, left_amount <> right_amount as is_different,
        expected_tax as base, true as is_tolerated, invoiced_on as dated_on
    from line where is_live and invoice_count > 0 and same_unit and same_currency and amount_net_txn <> 0
    union all by name
    select order_id, 'close' as aspect, 'after_close' as reason_code, 'procurement' as right_system, 0 as left_amount,
        coalesce(greatest(amount_invoiced_after_close, case when is_quantity
            then at_price(quantity_after_close, unit_price, amount_net_txn, quantity) else amount_received_after_close end), 0)
            as right_amount,
        after_close_on is not null as is_different, false as is_tolerated, coalesce(after_close_on, closed_on) as dated_on
    from line where line_status in ('closed', 'cancelled') and closed_on is not null and receipt_count + invoice_count > 0
), judged as (
    -- what does not differ at all needs no tolerance
    select
        difference.*, orders.legal_entity_id, orders.rate_functional, orders.rate_group,
        coalesce(day.fiscal_period_id, 'UNMAPPED') as fiscal_period_id,
        case
            when not coalesce(difference.is_different, true) then 'matched'
            when difference.is_tolerated and within(
                cast(difference.left_amount - difference.right_amount as decimal(28,4)) * coalesce(orders.rate_functional, 1),
                cast(difference.base as decimal(28,4)) * coalesce(orders.rate_functional, 1),
                coalesce(limit_day.absolute_functional, 0.05), coalesce(limit_day.percent, 0.005)::decimal(18,10)) then 'within'
            else difference.reason_code
        end as outcome
    from difference
    join orders on orders.rowid = difference.order_id
    left join limit_day on limit_day.legal_entity_id = orders.legal_entity_id and limit_day.order_date = orders.order_date
        and limit_day.aspect = difference.aspect
    left join entity_day as day on day.legal_entity_id = orders.legal_entity_id and day.period_day = difference.dated_on
)
select
    legal_entity_id, fiscal_period_id, aspect, outcome, count(*) as row_count,
    list(case when outcome not in ('matched', 'within') then {
        'order_id': order_id, 'left_system': coalesce(left_system, 'procurement'), 'right_system': right_system,
        'left_amount': left_amount, 'right_amount': right_amount, 'difference_amount': left_amount - right_amount,
        'quantity_difference': quantity_difference,
        'amount_functional': coalesce(stated_functional,
            cast((left_amount - right_amount) * coalesce(rate_functional, 1) as decimal(28,4))),
        'amount_group': coalesce(stated_group, cast((left_amount - right_amount) * rate_group as decimal(28,4)))
    } end) filter (where outcome not in ('matched', 'within')) as failing
from judged group by legal_entity_id, fiscal_period_id, aspect, outcome;

-- what every control finds: comparisons that fail, one row each, and how many were made
create temp table failing (
    control_id varchar, legal_entity_id varchar, fiscal_period_id varchar, reason_code varchar, aspect varchar,
    business_key varchar, left_system varchar, right_system varchar, left_amount decimal(28,4), right_amount decimal(28,4),
    difference_amount decimal(28,4), quantity_difference decimal(28,4), currency_code varchar,
    amount_functional decimal(28,4), amount_group decimal(28,4), supplier_id varchar, account_id varchar,
    cost_center_id varchar, cell_id varchar, document_date date
);
create temp table passing (
    control_id varchar, legal_entity_id varchar, fiscal_period_id varchar, outcome varchar, row_count bigint
);
create temp macro cell_of(entity, cost_center, account, project, segment_1, segment_2) as cell(entity,
    coalesce((select control_code from level where kind = 'cost_center' and code = cost_center), cost_center),
    coalesce((select control_code from level where kind = 'account' and code = account), account),
    project, coalesce(segment_1, 'NONE'), coalesce(segment_2, 'NONE'));

insert into passing
select 'C07', legal_entity_id, fiscal_period_id, outcome, row_count from c07 where outcome in ('matched', 'within');

insert into failing by name
select
    'C07' as control_id, c07.legal_entity_id, c07.fiscal_period_id, c07.outcome as reason_code, c07.aspect,
    orders.record_key as business_key, item.left_system, item.right_system, item.left_amount, item.right_amount,
    item.difference_amount, item.quantity_difference, orders.currency as currency_code,
    abs(item.amount_functional) as amount_functional, abs(item.amount_group) as amount_group,
    orders.supplier_id, orders.account_id, orders.cost_center_id, cell_of(orders.legal_entity_id, orders.cost_center_id, orders.account_id, orders.project_id, orders.segment_1, orders.segment_2) as cell_id, orders.order_date as document_date
from (select * exclude (failing), unnest(failing) as item from c07 where failing is not null) as c07
join orders on orders.rowid = item.order_id;

-- documents that name an order line which does not exist
insert into failing by name
with document as (
    select
        'receipt_without_order' as reason_code, 'order_of_receipt' as aspect, po_number, po_line,
        min(legal_entity_id) as legal_entity_id, max(posting_date) as document_date, min(supplier_id) as supplier_id,
        min(currency) as currency_code, sum(amount_txn) as amount_txn, sum(quantity) as quantity
    from receipt where order_id is null and posting_date <= date '${as_of}' group by po_number, po_line
    union all by name
    select
        'invoice_without_order' as reason_code, 'order_of_invoice' as aspect, po_number, po_line,
        min(legal_entity_id) as legal_entity_id, max(posting_date) as document_date, min(supplier_id) as supplier_id,
        min(currency) as currency_code, sum(amount_txn) as amount_txn, sum(quantity) as quantity,
        min(account_id) as account_id, min(cost_center_id) as cost_center_id, sum(amount_functional) as amount_functional,
        sum(amount_group) as amount_group
    from invoice where order_id is null and po_number is not null and is_approved and posting_date <= date '${as_of}'
    group by po_number, po_line
)
select
    'C07' as control_id, document.legal_entity_id, coalesce(day.fiscal_period_id, 'UNMAPPED') as fiscal_period_id,
    reason_code, aspect, 'procurement|' || po_number || '|' || coalesce(po_line::varchar, 'NONE') as business_key,
    'procurement' as right_system, amount_txn as right_amount, -amount_txn as difference_amount,
    -quantity as quantity_difference, currency_code, abs(amount_functional) as amount_functional,
    abs(amount_group) as amount_group, supplier_id, account_id, cost_center_id, document_date
from document
left join entity_day as day on day.legal_entity_id = document.legal_entity_id and day.period_day = document.document_date;
