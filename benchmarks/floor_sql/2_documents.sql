-- ---- order lines
create temp table orders as
select
    'procurement|' || o.po_number || '|' || o.line as record_key,
    o.po_number as order_no,
    o.line as line_no,
    coalesce(e.id, 'UNMAPPED') as legal_entity_id,
    identity_id(o.account, a.id) as account_id,
    identity_id(o.cost_center, c.cost_center_id) as cost_center_id,
    identity_id(o.project, p.project_id) as project_id,
    identity_id(o.supplier, s.id) as supplier_id,
    o.location as segment_1,
    o.program as segment_2,
    case o.line_type when 'Q' then 'quantity' else 'amount' end as line_type,
    o.status as line_status,
    coalesce(relief.value, 'invoice') as relief_point,
    o.order_date, o.approved_on, o.due_on, o.closed_on,
    o.requisition, o.requisition_line,
    o.quantity, o.unit, o.unit_price,
    o.currency,
    cur.minor_units,
    entity.functional_currency,
    o.net_amount as amount_net_txn,
    coalesce(o.tax_amount, 0)::decimal(18,4) as amount_tax_txn,
    (o.net_amount + coalesce(o.tax_amount, 0))::decimal(18,4) as amount_txn,
    case when o.currency = entity.functional_currency then 1 else rf.rate end::decimal(18,6) as rate_functional,
    case when o.currency = '${group}' then 1 else rg.rate end::decimal(18,6) as rate_group,
    times(o.net_amount + coalesce(o.tax_amount, 0), case when o.currency = entity.functional_currency then 1 else rf.rate end)
        as amount_functional,
    times(o.net_amount + coalesce(o.tax_amount, 0), case when o.currency = '${group}' then 1 else rg.rate end) as amount_group,
    coalesce(day.fiscal_period_id, 'UNMAPPED') as fiscal_period_id,
    case when e.id is null or e.id = 'UNMAPPED' or (o.account is not null and coalesce(a.id, 'UNMAPPED') = 'UNMAPPED')
            or (o.cost_center is not null and c.cost_center_id is null) or (o.project is not null and p.project_id is null)
            or coalesce(s.id, 'UNMAPPED') = 'UNMAPPED' or a.is_blocked or c.is_blocked or s.is_blocked
            or o.order_date not between coalesce(p.valid_from, o.order_date) and coalesce(p.valid_to, o.order_date)
        then [{'kind': 'legal_entity', 'code': o.entity}, {'kind': 'account', 'code': o.account},
            {'kind': 'cost_center', 'code': o.cost_center}, {'kind': 'project', 'code': o.project},
            {'kind': 'supplier', 'code': o.supplier}] end as suspects
from '${source}/procurement/order_lines/*.parquet' as o
join currency as cur on cur.currency_code = o.currency
left join code as e on e.kind = 'legal_entity' and e.source_code = o.entity and o.order_date between e.valid_from and e.valid_to
left join code as a on a.kind = 'account' and a.source_code = o.account and o.order_date between a.valid_from and a.valid_to
left join code as s on s.kind = 'supplier' and s.source_code = o.supplier and o.order_date between s.valid_from and s.valid_to
left join cost_center as c on c.cost_center_id = o.cost_center
left join project as p on p.project_id = o.project
left join entity on entity.legal_entity_id = e.id
left join policy as relief on relief.policy = 'relief_point' and relief.legal_entity_id = e.id
    and relief.line_type = case o.line_type when 'Q' then 'quantity' else 'amount' end
    and o.order_date between relief.valid_from and relief.valid_to
left join rate as rf on rf.rate_type = 'spot' and rf.from_currency = o.currency and rf.to_currency = entity.functional_currency
    and rf.rate_day = o.order_date
left join rate as rg on rg.rate_type = 'spot' and rg.from_currency = o.currency and rg.to_currency = '${group}'
    and rg.rate_day = o.order_date
left join entity_day as day on day.legal_entity_id = e.id and day.period_day = o.order_date
where o.po_number is not null and o.line is not null and o.entity is not null and o.supplier is not null
    and o.order_date is not null and o.net_amount is not null and o.line_type in ('Q', 'L')
    and o.status in ('draft', 'pending', 'approved', 'issued', 'closed', 'cancelled', 'rejected')
    and not has_decimals(o.net_amount, cur.minor_units) and not has_decimals(o.tax_amount, cur.minor_units);

-- ---- requisition lines
create temp table requisition as
select
    q.requisition as requisition_no,
    q.line as line_no,
    coalesce(e.id, 'UNMAPPED') as legal_entity_id,
    identity_id(q.account, a.id) as account_id,
    identity_id(q.cost_center, c.cost_center_id) as cost_center_id,
    identity_id(q.project, p.project_id) as project_id,
    identity_id(q.supplier, s.id) as supplier_id,
    q.location as segment_1,
    q.program as segment_2,
    q.status as line_status,
    q.requested_on,
    case
        when q.status in ('approved', 'ordered', 'closed') then coalesce(q.approved_on, q.requested_on)
        when q.status in ('cancelled', 'rejected') then q.approved_on
    end as begins_on,
    q.closed_on,
    q.currency,
    entity.functional_currency,
    q.amount as amount_txn,
    case when q.currency = entity.functional_currency then 1 else rf.rate end::decimal(18,6) as rate_functional,
    case when q.currency = '${group}' then 1 else rg.rate end::decimal(18,6) as rate_group,
    times(q.amount, case when q.currency = entity.functional_currency then 1 else rf.rate end) as amount_functional,
    times(q.amount, case when q.currency = '${group}' then 1 else rg.rate end) as amount_group,
    coalesce(day.fiscal_period_id, 'UNMAPPED') as fiscal_period_id,
    case when e.id is null or e.id = 'UNMAPPED' or (q.account is not null and coalesce(a.id, 'UNMAPPED') = 'UNMAPPED')
            or (q.cost_center is not null and c.cost_center_id is null) or (q.project is not null and p.project_id is null)
            or (q.supplier is not null and coalesce(s.id, 'UNMAPPED') = 'UNMAPPED')
            or a.is_blocked or c.is_blocked or s.is_blocked
            or q.requested_on not between coalesce(p.valid_from, q.requested_on) and coalesce(p.valid_to, q.requested_on)
        then [{'kind': 'legal_entity', 'code': q.entity}, {'kind': 'account', 'code': q.account},
            {'kind': 'cost_center', 'code': q.cost_center}, {'kind': 'project', 'code': q.project},
            {'kind': 'supplier', 'code': q.supplier}] end as suspects
from '${source}/procurement/requisitions/*.parquet' as q
join currency as cur on cur.currency_code = q.currency
left join code as e on e.kind = 'legal_entity' and e.source_code = q.entity and q.requested_on between e.valid_from and e.valid_to
left join code as a on a.kind = 'account' and a.source_code = q.account and q.requested_on between a.valid_from and a.valid_to
left join code as s on s.kind = 'supplier' and s.source_code = q.supplier and q.requested_on between s.valid_from and s.valid_to
left join cost_center as c on c.cost_center_id = q.cost_center
left join project as p on p.project_id = q.project
left join entity on entity.legal_entity_id = e.id
left join rate as rf on rf.rate_type = 'spot' and rf.from_currency = q.currency and rf.to_currency = entity.functional_currency
    and rf.rate_day = q.requested_on
left join rate as rg on rg.rate_type = 'spot' and rg.from_currency = q.currency and rg.to_currency = '${group}'
    and rg.rate_day = q.requested_on
left join entity_day as day on day.legal_entity_id = e.id and day.period_day = q.requested_on
where q.requisition is not null and q.line is not null and q.entity is not null and q.requested_on is not null
    and q.amount is not null and not has_decimals(q.amount, cur.minor_units)
    and q.status in ('draft', 'submitted', 'approved', 'ordered', 'closed', 'cancelled', 'rejected');

-- ---- receipt and invoice lines in use
create temp table receipt as
select
    orders.rowid as order_id,
    r.receipt || '|' || r.line as document_key,
    r.po_number, r.po_line, r.posting_date, r.quantity, r.quantity_rejected, r.amount as amount_txn, r.currency, r.unit,
    coalesce(e.id, 'UNMAPPED') as legal_entity_id,
    identity_id(r.supplier, s.id) as supplier_id,
    coalesce(day.fiscal_period_id, 'UNMAPPED') as fiscal_period_id,
    case when e.id is null or e.id = 'UNMAPPED' or (r.supplier is not null and coalesce(s.id, 'UNMAPPED') = 'UNMAPPED')
            or s.is_blocked
        then [{'kind': 'legal_entity', 'code': r.entity}, {'kind': 'supplier', 'code': r.supplier}] end as suspects
from '${source}/procurement/receipts/*.parquet' as r
left join currency as cur on cur.currency_code = r.currency
left join orders on orders.order_no = r.po_number and orders.line_no = r.po_line
left join code as e on e.kind = 'legal_entity' and e.source_code = r.entity and r.posting_date between e.valid_from and e.valid_to
left join code as s on s.kind = 'supplier' and s.source_code = r.supplier and r.posting_date between s.valid_from and s.valid_to
left join entity_day as day on day.legal_entity_id = e.id and day.period_day = r.posting_date
where r.status = 'posted'
    and r.receipt is not null and r.line is not null and r.entity is not null and r.posting_date is not null
    and r.po_number is not null and r.po_line is not null and (r.currency is null or cur.currency_code is not null)
    and not has_decimals(r.amount, cur.minor_units);

create temp table invoice as
select
    orders.rowid as order_id,
    i.invoice as invoice_no,
    i.line as line_no,
    case i.document_type when 'CRM' then 'credit_memo' else 'invoice' end as document_type,
    i.status = 'approved' as is_approved,
    i.supplier as supplier_code,
    i.supplier_reference,
    i.invoice_date, i.posting_date, i.po_number, i.po_line,
    case i.document_type when 'CRM' then -i.quantity else i.quantity end as quantity,
    i.unit,
    i.currency,
    entity.functional_currency,
    coalesce(e.id, 'UNMAPPED') as legal_entity_id,
    identity_id(i.account, a.id) as account_id,
    identity_id(i.cost_center, c.cost_center_id) as cost_center_id,
    identity_id(i.project, p.project_id) as project_id,
    identity_id(i.supplier, s.id) as supplier_id,
    i.location as segment_1,
    i.program as segment_2,
    i.net as amount_net_txn,
    i.tax as amount_tax_txn,
    (i.net + coalesce(i.tax, 0))::decimal(18,4) as amount_txn,
    case when i.currency = entity.functional_currency then 1 else rf.rate end::decimal(18,6) as rate_functional,
    case when i.currency = '${group}' then 1 else rg.rate end::decimal(18,6) as rate_group,
    times(i.net + coalesce(i.tax, 0), case when i.currency = entity.functional_currency then 1 else rf.rate end)
        as amount_functional,
    times(i.net + coalesce(i.tax, 0), case when i.currency = '${group}' then 1 else rg.rate end) as amount_group,
    coalesce(day.fiscal_period_id, 'UNMAPPED') as fiscal_period_id,
    case when e.id is null or e.id = 'UNMAPPED' or (i.account is not null and coalesce(a.id, 'UNMAPPED') = 'UNMAPPED')
            or (i.cost_center is not null and c.cost_center_id is null) or (i.project is not null and p.project_id is null)
            or coalesce(s.id, 'UNMAPPED') = 'UNMAPPED' or a.is_blocked or c.is_blocked or s.is_blocked
            or i.posting_date not between coalesce(p.valid_from, i.posting_date) and coalesce(p.valid_to, i.posting_date)
        then [{'kind': 'legal_entity', 'code': i.entity}, {'kind': 'account', 'code': i.account},
            {'kind': 'cost_center', 'code': i.cost_center}, {'kind': 'project', 'code': i.project},
            {'kind': 'supplier', 'code': i.supplier}] end as suspects
from (
    select *, case document_type when 'CRM' then -net_amount else net_amount end as net,
        case document_type when 'CRM' then -tax_cost else tax_cost end as tax
    from '${source}/procurement/invoice_lines/*.parquet'
) as i
join currency as cur on cur.currency_code = i.currency
left join orders on orders.order_no = i.po_number and orders.line_no = i.po_line
left join code as e on e.kind = 'legal_entity' and e.source_code = i.entity and i.posting_date between e.valid_from and e.valid_to
left join code as a on a.kind = 'account' and a.source_code = i.account and i.posting_date between a.valid_from and a.valid_to
left join code as s on s.kind = 'supplier' and s.source_code = i.supplier and i.posting_date between s.valid_from and s.valid_to
left join cost_center as c on c.cost_center_id = i.cost_center
left join project as p on p.project_id = i.project
left join entity on entity.legal_entity_id = e.id
left join rate as rf on rf.rate_type = 'spot' and rf.from_currency = i.currency and rf.to_currency = entity.functional_currency
    and rf.rate_day = i.posting_date
left join rate as rg on rg.rate_type = 'spot' and rg.from_currency = i.currency and rg.to_currency = '${group}'
    and rg.rate_day = i.posting_date
left join entity_day as day on day.legal_entity_id = e.id and day.period_day = i.posting_date
where i.status in ('pending', 'approved', 'disputed')
    and i.invoice is not null and i.line is not null and i.entity is not null and i.supplier is not null
    and i.document_type in ('INV', 'CRM') and i.invoice_date is not null and i.posting_date is not null
    and i.net_amount is not null and not has_decimals(i.net_amount, cur.minor_units)
    and not has_decimals(i.tax_cost, cur.minor_units) and not has_decimals(i.tax_recoverable, cur.minor_units);
