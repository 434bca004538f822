-- ---- what the ledger has for order lines: GR/IR balances and cost. This ledger names the order on its lines.
create temp table role_account as
select entity.legal_entity_id, role.role, role.account_id, role.valid_from::date as valid_from,
    coalesce(role.valid_to::date, date '9999-12-31') as valid_to
from reference('account_roles') as role
join entity on coalesce(role.legal_entity_id, entity.legal_entity_id) = entity.legal_entity_id
where role.legal_entity_id is not null or not exists (
    from reference('account_roles') as own where own.role = role.role and own.legal_entity_id = entity.legal_entity_id);

create temp table order_ledger as
select
    po_number, po_line, case when po_number is null then account end as unassigned, legal_entity_id,
    min(account) filter (where is_grni) as grni_account, count(*) filter (where is_grni) as grni_count,
    coalesce(sum(-amount_functional) filter (where is_grni and document_type = 'WE'), 0) as accrued,
    coalesce(sum(amount_functional) filter (where is_grni and document_type = 'RE'), 0) as cleared,
    coalesce(sum(-amount_functional) filter (where is_grni), 0) as grni_functional,
    sum(-amount_group) filter (where is_grni) as grni_group, max(posting_date) filter (where is_grni) as grni_on,
    count(*) filter (where is_cost) as cost_count, coalesce(sum(amount_txn) filter (where is_cost), 0) as cost_txn,
    min(currency) filter (where is_cost) as first_currency, max(currency) filter (where is_cost) as last_currency,
    max(posting_date) filter (where is_cost) as cost_on
from (
    select
        po_number, po_line, posting.legal_entity_id, account, document_type, posting_date, currency, amount_txn, amount_functional,
        amount_group, grni.account_id is not null as is_grni, account_type in ('revenue', 'expense') as is_cost
    from posting
    left join role_account as grni on grni.role = 'gr_ir' and grni.legal_entity_id = posting.legal_entity_id
        and grni.account_id = account and posting_date between grni.valid_from and grni.valid_to
    left join account as chart on chart.account_id = account
    where posting_date <= date '${as_of}' and (grni.account_id is not null or po_number is not null and is_cost)
) group by all;

-- ---- C06 double count
create temp table order_open as from open_amounts('order_event');

create temp table c06 as
with line as (
    select
        orders.*, cost.cost_txn, cost.cost_on, day.fiscal_period_id as cost_period_id,
        coalesce(open_line.amount_open_txn, 0) as amount_open, open_line.line_id is not null and amount_open <> 0 as is_open,
        at_price(quantity_invoiced, unit_price, amount_net_txn, quantity) as invoiced_value,
        at_price(quantity_received, unit_price, amount_net_txn, quantity) as received_value,
        at_price(quantity, unit_price, amount_net_txn, quantity) as ordered_value,
        other_unit_on, other_currency_on, amount_net_invoiced_txn, amount_tax_invoiced_txn, amount_received_txn
    from order_ledger as cost
    join orders on orders.order_no = cost.po_number and orders.line_no = cost.po_line
    join order_line on order_line.order_id = orders.rowid
    left join order_open as open_line on open_line.line_id = orders.rowid
    left join entity_day as day on day.legal_entity_id = cost.legal_entity_id and day.period_day = cost.cost_on
    where cost.cost_count > 0 and cost.first_currency = orders.currency and cost.last_currency = orders.currency
), judged as (
    select
        *,
        case when line_type = 'quantity' and relief_point = 'receipt' then greatest(received_value - ordered_value, 0)
            when line_type = 'quantity' then greatest(invoiced_value - ordered_value, 0)
            when relief_point = 'receipt' then greatest(amount_received_txn - amount_net_txn, 0)
            else greatest(amount_net_invoiced_txn - amount_net_txn, 0) end as over_delivery,
        case when is_open then (amount_txn + over_delivery + coalesce(pro_rata(amount_tax_txn, over_delivery, amount_net_txn, 4), 0)
            + case when line_type = 'quantity' and other_unit_on is null and other_currency_on is null
                then amount_net_invoiced_txn - invoiced_value else 0 end
            + case when other_currency_on is null then amount_tax_invoiced_txn else 0 end
            - coalesce(pro_rata(amount_tax_txn, case when line_type = 'quantity' then invoiced_value else amount_net_invoiced_txn end,
                amount_net_txn, 4), 0))::decimal(18,4) end as explained,
        case when is_open then least(cost_txn + amount_open - explained, amount_open)::decimal(18,4) end as twice
    from line
)
select *, case when coalesce(twice, 0) <= 0 then 'matched'
    when within(cast(twice as decimal(28,4)) * coalesce(rate_functional, 1), 0,
        case legal_entity_id when 'JP01' then 10 else 0.1 end, 0::decimal(18,10)) then 'within' else 'failed' end as outcome
from judged;

insert into passing
select 'C06', legal_entity_id, cost_period_id, outcome, count(*) from c06 where outcome <> 'failed' group by all;

insert into failing by name
select
    'C06' as control_id, legal_entity_id, cost_period_id as fiscal_period_id, 'double_count' as reason_code,
    'commitment' as aspect, 'procurement|' || order_no || '|' || line_no as business_key, 'ledger' as left_system,
    'procurement' as right_system, explained + twice as left_amount, explained as right_amount, twice as difference_amount,
    currency as currency_code, cast(cast(twice as decimal(28,4)) * rate_functional as decimal(28,4)) as amount_functional,
    cast(cast(twice as decimal(28,4)) * rate_group as decimal(28,4)) as amount_group, supplier_id, account_id, cost_center_id,
    cell_of(legal_entity_id, cost_center_id, account_id, project_id, segment_1, segment_2) as cell_id,
    order_date as document_date
from c06 where outcome = 'failed';

-- ---- C11 goods received, not invoiced
create temp table grni as
with documents as (
    select
        orders.*, orders.rowid as order_id, quantity_received, quantity_invoiced, received_on, invoiced_on,
        case when line_type = 'quantity' then at_price(quantity_received, unit_price, amount_net_txn, quantity)
            else amount_received_txn end as received_net,
        case when line_type = 'quantity' then at_price(quantity_invoiced, unit_price, amount_net_txn, quantity)
            else amount_net_invoiced_txn end as invoiced_net,
        other_unit_on is not null or (line_type <> 'quantity' and other_currency_on is not null) as is_other
    from orders join order_line on order_line.order_id = orders.rowid
    where relief_point = 'receipt' and legal_entity_id in (select legal_entity_id from role_account where role = 'gr_ir')
        and receipt_count + invoice_count > 0
), both_sides as (
    select
        coalesce(d.order_no, l.po_number) as order_no, coalesce(d.line_no, l.po_line) as line_no,
        coalesce(d.legal_entity_id, l.legal_entity_id) as legal_entity_id,
        coalesce('procurement|' || coalesce(d.order_no, l.po_number) || '|' || coalesce(d.line_no, l.po_line),
            'UNASSIGNED|ledger|' || l.legal_entity_id || '|' || l.unassigned) as order_key,
        d.* exclude (order_no, line_no, legal_entity_id, received_net, invoiced_net, is_other),
        coalesce(d.received_net, 0)::decimal(18,4) as received_net, coalesce(d.invoiced_net, 0)::decimal(18,4) as invoiced_net,
        coalesce(d.is_other, false) as is_other, l.po_number is not null or l.unassigned is not null as is_posted,
        l.grni_account, coalesce(l.accrued, 0) as accrued, coalesce(l.cleared, 0) as cleared,
        coalesce(l.grni_functional, 0) as ledger_functional,
        case when is_posted then l.grni_group else 0 end as ledger_group,
        greatest(d.received_on, d.invoiced_on, l.grni_on) as dated_on
    from documents as d
    full join (from order_ledger where grni_count > 0) as l on l.po_number = d.order_no and l.po_line = d.line_no
), valued as (
    select
        *, case when received_net = invoiced_net then 0::decimal(18,4) else (received_net - invoiced_net + case when amount_tax_txn = 0
            then 0 else coalesce(pro_rata(amount_tax_txn, received_net - invoiced_net, amount_net_txn, 4), 0) end)::decimal(18,4) end
            as open_txn
    from both_sides
), recently as (
    select order_id, sum(net) filter (where net > 0)::decimal(18,4) as added, -sum(net) filter (where net < 0)::decimal(18,4) as taken
    from (
        select orders.rowid as order_id, case when orders.line_type = 'quantity'
            then at_price(receipt.quantity, unit_price, amount_net_txn, orders.quantity) else receipt.amount_txn end as net
        from receipt join orders on orders.rowid = receipt.order_id
        where receipt.posting_date between date '${as_of}' - 3 and date '${as_of}'
        union all
        select orders.rowid, -case when orders.line_type = 'quantity'
            then at_price(invoice.quantity, unit_price, orders.amount_net_txn, orders.quantity) else invoice.amount_net_txn end
        from invoice join orders on orders.rowid = invoice.order_id
        where invoice.is_approved and invoice.posting_date between date '${as_of}' - 3 and date '${as_of}'
    ) group by order_id
), since as (
    select order_id, min(posting_date) filter (where came > covered) as open_since
    from (
        select valued.order_id, receipt.posting_date,
            case when line_type = 'quantity' then quantity_invoiced else invoiced_net end as covered,
            sum(case when line_type = 'quantity' then receipt.quantity else receipt.amount_txn end) over (
                partition by valued.order_id order by receipt.posting_date, document_key rows unbounded preceding) as came
        from receipt join valued on valued.order_id = receipt.order_id and received_net > invoiced_net
        where receipt.posting_date <= date '${as_of}'
        union all
        select valued.order_id, invoice.posting_date,
            case when line_type = 'quantity' then quantity_received else received_net end,
            sum(case when line_type = 'quantity' then invoice.quantity else invoice.amount_net_txn end) over (
                partition by valued.order_id order by invoice.posting_date, invoice.invoice_no, invoice.line_no
                rows unbounded preceding)
        from invoice join valued on valued.order_id = invoice.order_id and invoiced_net > received_net
        where invoice.is_approved and invoice.posting_date <= date '${as_of}'
    ) group by order_id
)
select
    valued.*, since.open_since, coalesce(day.fiscal_period_id, 'UNMAPPED') as dated_period_id,
    case when open_txn = 0 then 0 else times(open_txn, rate_functional) end as open_functional,
    case when open_txn = 0 then 0 else times(open_txn, valued.rate_group) end as open_group,
    coalesce(((added + coalesce(pro_rata(amount_tax_txn, added, amount_net_txn, 4), 0)) * rate_functional)::decimal(18,4), 0) as added,
    coalesce(((taken + coalesce(pro_rata(amount_tax_txn, taken, amount_net_txn, 4), 0)) * rate_functional)::decimal(18,4), 0) as taken
from valued
left join recently on recently.order_id = valued.order_id
left join since on since.order_id = valued.order_id
left join entity_day as day on day.legal_entity_id = valued.legal_entity_id and day.period_day = valued.dated_on;

create temp table c11 as
select
    *, open_functional - ledger_functional as difference,
    case when open_functional is null then null when ledger_functional < open_functional - added
            then open_functional - added - ledger_functional
        when ledger_functional > open_functional + taken then open_functional + taken - ledger_functional else 0 end as unexplained,
    case when order_no is null then case when ledger_functional <> 0 then 'posting_without_order' else 'matched' end
        when within(unexplained, 0, case legal_entity_id when 'JP01' then 10 else 0.1 end, 0::decimal(18,10))
            then case when difference = 0 then 'matched' else 'within' end
        when order_id is null then 'balance_without_documents'
        when received_net <> 0 and accrued = 0 then 'receipt_not_accrued'
        when invoiced_net <> 0 and cleared = 0 then 'invoice_not_cleared'
        else 'balance_differs' end as outcome
from grni where not is_other;

create temp table c11_age as
select c11.*, open_since + 91 <= date '${as_of}' as is_over, coalesce(day.fiscal_period_id, 'UNMAPPED') as age_period_id
from c11
left join entity_day as day on day.legal_entity_id = c11.legal_entity_id
    and day.period_day = case when open_since + 91 <= date '${as_of}' then open_since + 91 else dated_on end
where open_txn > 0 and open_since is not null;

insert into passing
select 'C11', legal_entity_id, dated_period_id, outcome, count(*) from c11 where outcome in ('matched', 'within') group by all
union all
select 'C11', legal_entity_id, age_period_id, 'matched', count(*) from c11_age where not is_over group by all;

insert into failing by name
select
    'C11' as control_id, legal_entity_id, dated_period_id as fiscal_period_id, outcome as reason_code,
    case when order_no is null then 'unassigned' else 'balance' end as aspect,
    coalesce('procurement|' || order_no || '|' || line_no, 'ledger|' || grni_account) as business_key,
    case when order_id is not null then 'procurement' end as left_system, case when is_posted then 'ledger' end as right_system,
    open_functional as left_amount, ledger_functional as right_amount, difference as difference_amount,
    entity.functional_currency as currency_code, abs(difference) as amount_functional, abs(open_group - ledger_group) as amount_group,
    quantity_received - quantity_invoiced as quantity_difference, supplier_id, coalesce(grni_account, account_id) as account_id,
    cost_center_id, case when order_id is not null then
        cell_of(c11.legal_entity_id, cost_center_id, account_id, project_id, segment_1, segment_2) end as cell_id,
    coalesce(order_date, dated_on) as document_date
from c11 join entity using (legal_entity_id) where outcome not in ('matched', 'within')
union all by name
select
    'C11' as control_id, legal_entity_id, age_period_id as fiscal_period_id, 'not_invoiced_in_time' as reason_code, 'age' as aspect,
    order_key as business_key, 'procurement' as left_system, 'procurement' as right_system, open_functional as left_amount,
    0 as right_amount, open_functional as difference_amount, entity.functional_currency as currency_code,
    open_functional as amount_functional, open_group as amount_group, quantity_received - quantity_invoiced as quantity_difference,
    supplier_id, account_id, cost_center_id,
    cell_of(c11_age.legal_entity_id, cost_center_id, account_id, project_id, segment_1, segment_2) as cell_id, order_date as document_date
from c11_age join entity using (legal_entity_id) where is_over;

-- ---- C10 AP tie-out
create temp table c10 as
with item as (
    select
        company, vendor, posting_date, cleared_on, case debit_credit when 'C' then -local_amount else local_amount end as amount
    from '${source}/ledger/supplier_items/*.parquet'
), movement as (
    select company as legal_entity_id, coalesce(supplier.supplier_id, 'UNMAPPED') as supplier_id, posting_date as moved_on, amount as items,
        1 as item_count, 0 as posted, 0 as posted_count, null as fiscal_period_id
    from item left join supplier on supplier.supplier_id = vendor where posting_date <= date '${as_of}'
    union all
    select company, coalesce(supplier.supplier_id, 'UNMAPPED'), cleared_on, -amount, 1, 0, 0, null
    from item left join supplier on supplier.supplier_id = vendor where cleared_on <= date '${as_of}'
    union all
    select posting.legal_entity_id, identity_id(posting.supplier, supplier.supplier_id), posting_date, 0, 0, amount_functional, 1,
        fiscal_period_id
    from posting
    join role_account as role on role.role = 'ap_control' and role.legal_entity_id = posting.legal_entity_id
        and role.account_id = posting.account and posting_date between role.valid_from and role.valid_to
    left join supplier on supplier.supplier_id = posting.supplier
    where posting_date <= date '${as_of}'
), placed as (
    select
        movement.legal_entity_id, movement.supplier_id,
        coalesce(movement.fiscal_period_id, day.fiscal_period_id, 'UNMAPPED') as fiscal_period_id,
        sum(items) as items, sum(item_count) as item_count, sum(posted) as posted, sum(posted_count) as posted_count,
        max(moved_on) as last_on
    from movement
    left join entity_day as day on day.legal_entity_id = movement.legal_entity_id and day.period_day = moved_on
    group by all
)
select
    placed.*, sum(items) over so_far as items_so_far, sum(item_count) over so_far as item_count_so_far,
    sum(posted) over so_far as posted_so_far, sum(posted_count) over so_far as posted_count_so_far,
    sum(items - posted) over (partition by placed.legal_entity_id, supplier_id) as difference,
    row_number() over (partition by placed.legal_entity_id, supplier_id order by items = posted, ordinal desc) = 1 as is_last
from placed join period on period.fiscal_period_id = placed.fiscal_period_id
window so_far as (partition by placed.legal_entity_id, supplier_id order by ordinal rows unbounded preceding);

insert into passing
select 'C10', legal_entity_id, fiscal_period_id, 'matched', count(*) from c10
where difference = 0 or (not is_last and items = posted) group by all;

insert into failing by name
select
    'C10' as control_id, c10.legal_entity_id, c10.fiscal_period_id,
    case when supplier_id = 'NONE' and item_count_so_far = 0 then 'posting_without_supplier' when posted_count_so_far = 0 then 'item_without_posting'
        when item_count_so_far = 0 then 'posting_without_item' else 'balance_differs' end as reason_code,
    'balance' as aspect, supplier_id as business_key, case when item_count > 0 then 'ledger' end as left_system,
    case when posted_count > 0 then 'ledger' end as right_system, items_so_far as left_amount, posted_so_far as right_amount,
    difference as difference_amount, functional_currency as currency_code, abs(difference) as amount_functional,
    abs(case when functional_currency = '${group}' then difference else cast(difference * day.rate_group as decimal(28,4)) end)
        as amount_group,
    case when supplier_id <> 'NONE' then supplier_id end as supplier_id, last_on as document_date
from c10 join entity using (legal_entity_id)
left join entity_day as day on day.legal_entity_id = c10.legal_entity_id and day.period_day = c10.last_on
where difference <> 0 and is_last;
