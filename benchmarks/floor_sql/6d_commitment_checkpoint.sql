-- ---- C04 commitment checkpoint
create temp table commitment_balance as
select
    c.po_number as order_no, c.po_line as line_no, coalesce(entity.legal_entity_id, 'UNMAPPED') as legal_entity_id,
    coalesce(day.fiscal_period_id, 'UNMAPPED') as fiscal_period_id, c.moved_on, c.currency, c.open_amount as amount_txn,
    times(c.open_amount, case when c.currency = entity.functional_currency then 1 else rf.rate end) as amount_functional,
    times(c.open_amount, case when c.currency = '${group}' then 1 else rg.rate end) as amount_group
from '${source}/ledger/commitments/*.parquet' as c
join currency as cur on cur.currency_code = c.currency
left join entity on entity.legal_entity_id = c.company
left join entity_day as day on day.legal_entity_id = c.company and day.period_day = c.moved_on
left join rate as rf on rf.rate_type = 'spot' and rf.from_currency = c.currency and rf.to_currency = entity.functional_currency
    and rf.rate_day = c.moved_on
left join rate as rg on rg.rate_type = 'spot' and rg.from_currency = c.currency and rg.to_currency = '${group}'
    and rg.rate_day = c.moved_on
where c.po_number is not null and c.po_line is not null and c.company is not null and c.open_amount is not null
    and c.moved_on is not null and not has_decimals(c.open_amount, cur.minor_units);

create temp table c04 as
with stated as (
    select
        order_no, line_no, min(legal_entity_id) as legal_entity_id, min(fiscal_period_id) as fiscal_period_id,
        min(currency) as currency, max(currency) as last_currency, max(moved_on) as moved_on, sum(amount_txn) as amount_txn,
        case when count(amount_functional) = count(*) then sum(amount_functional) end as amount_functional,
        case when count(amount_group) = count(*) then sum(amount_group) end as amount_group
    from commitment_balance where amount_txn <> 0 and moved_on <= date '${as_of}'
    group by order_no, line_no having sum(amount_txn) <> 0
), line as (
    select
        orders.rowid as order_id, orders.*, open.last_event_on, nullif(open.amount_open_txn, 0) as open_txn,
        open.amount_open_functional as open_functional, open.amount_open_group as open_group,
        case when open.line_id is not null then coalesce(day.fiscal_period_id, 'UNMAPPED') end as moved_period_id
    from orders
    left join order_open as open on open.line_id = orders.rowid
    left join entity_day as day on day.legal_entity_id = orders.legal_entity_id and day.period_day = open.last_event_on
), both_sides as (
    select
        coalesce(line.order_no, stated.order_no) as order_no, coalesce(line.line_no, stated.line_no) as line_no,
        coalesce(line.legal_entity_id, stated.legal_entity_id) as legal_entity_id,
        coalesce(line.moved_period_id, stated.fiscal_period_id) as fiscal_period_id,
        coalesce(line.order_date, stated.moved_on) as document_date, line.order_id, open_txn, stated.amount_txn as stated_txn,
        coalesce(open_txn, 0) - coalesce(stated.amount_txn, 0) as difference,
        case
            when stated.amount_txn is null then 'not_committed'
            when line.order_id is null then 'unknown_order'
            when open_txn is null then 'nothing_open'
            when stated.currency <> line.currency or stated.last_currency <> line.currency then 'currency_differs'
            when difference <> 0 then 'amount_differs'
        end as found,
        case when found is null then 0 when found in ('not_committed', 'currency_differs') then open_functional
            when found in ('unknown_order', 'nothing_open') then stated.amount_functional
            else cast(cast(difference as decimal(28,4)) * rate_functional as decimal(28,4)) end as amount_functional,
        case when found is null then 0 when found in ('not_committed', 'currency_differs') then open_group
            when found in ('unknown_order', 'nothing_open') then stated.amount_group
            else cast(cast(difference as decimal(28,4)) * rate_group as decimal(28,4)) end as amount_group,
        case when found = 'amount_differs' then within(cast(difference as decimal(28,4)) * rate_functional, 0, 0.05, 0) else false end
            as is_small,
        case when open_txn is null then stated.currency else line.currency end as currency_code,
        line.supplier_id, line.account_id, line.cost_center_id, line.project_id, line.segment_1, line.segment_2,
        greatest(line.last_event_on, stated.moved_on) as last_moved_on
    from stated
    full join line on line.order_no = stated.order_no and line.line_no = stated.line_no
    where stated.order_no is not null
        or (open_txn is not null and line.legal_entity_id in (select legal_entity_id from commitment_balance)
            and line.legal_entity_id <> 'UNMAPPED')
)
select * from both_sides where found is null or date '${as_of}' - last_moved_on > 3;

insert into passing
select 'C04', legal_entity_id, fiscal_period_id, case when found is null then 'matched' else 'within' end, count(*)
from c04 where found is null or is_small group by all;

insert into failing by name
select
    'C04' as control_id, legal_entity_id, fiscal_period_id, found as reason_code, 'commitments' as aspect,
    'ledger|' || order_no || '|' || line_no as business_key, 'procurement' as left_system, 'ledger' as right_system,
    open_txn as left_amount, stated_txn as right_amount, case when found <> 'currency_differs' then difference end as difference_amount,
    currency_code, abs(amount_functional) as amount_functional, abs(amount_group) as amount_group, supplier_id, account_id,
    cost_center_id, case when order_id is not null then cell_of(legal_entity_id, cost_center_id, account_id, project_id, segment_1,
        segment_2) end as cell_id, document_date
from c04 where found is not null and not is_small;
