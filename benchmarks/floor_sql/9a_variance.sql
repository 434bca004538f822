-- ---- variance: cost of orders against the commitment consumed. This ledger names the order and the document on its lines.
create temp table order_cost as
select
    orders.rowid as order_id, posting.journal_no, posting.line,
    case when document_type not in ('WE', 'RE') then 'posting' when reference is null then 'order'
        when document_type = 'WE' then 'receipt' else 'invoice' end as kind,
    case when document_type not in ('WE', 'RE') then posting.journal_no else coalesce(reference, posting.po_number) end as document_no,
    posting.fiscal_period_id, chart.is_budget_controlled or chart.account_id in ('UNMAPPED', 'NONE') as is_actual,
    chart.account_type, posting.currency <> orders.currency as is_other_currency,
    case when posting.currency = orders.currency then posting.amount_txn
        else pro_rata(orders.amount_txn, posting.amount_functional, orders.amount_functional, 4) end as amount_txn,
    posting.amount_functional,
    identity_id(posting.cost_center, cost_center.cost_center_id) as cost_center_id, coalesce(chart.account_id, 'UNMAPPED') as account_id,
    identity_id(posting.project, project.project_id) as project_id, coalesce(posting.location, 'NONE') as segment_1,
    coalesce(posting.program, 'NONE') as segment_2,
    identity_id(posting.cost_center, cost_center.cost_center_id) = orders.cost_center_id
        and coalesce(chart.account_id, 'UNMAPPED') = orders.account_id
        and identity_id(posting.project, project.project_id) = orders.project_id
        and coalesce(posting.location, 'NONE') = coalesce(orders.segment_1, 'NONE')
        and coalesce(posting.program, 'NONE') = coalesce(orders.segment_2, 'NONE') as is_as_ordered
from (from posting where po_number is not null and po_line is not null) as posting
join orders on orders.order_no = posting.po_number and orders.line_no = posting.po_line
    and orders.legal_entity_id = posting.legal_entity_id
left join account as chart on chart.account_id = posting.account
left join cost_center on cost_center.cost_center_id = posting.cost_center
left join project on project.project_id = posting.project
where chart.account_id is null or chart.is_budget_controlled or chart.account_id in ('UNMAPPED', 'NONE')
    or chart.account_id in (select account_id from orders);

create temp table consumed as
select
    line_id as order_id, document_kind as kind, document_key, day.fiscal_period_id, step, event.quantity,
    -event.amount_txn as amount_txn, -event.amount_functional as amount_functional
from order_event as event
join orders on orders.rowid = event.line_id
left join entity_day as day on day.legal_entity_id = orders.legal_entity_id and day.period_day = event.event_on
where step <> 1 and orders.legal_entity_id in (
    select distinct legal_entity_id from order_cost join orders on orders.rowid = order_cost.order_id);

-- lines on which both do not agree
create temp table differing as
select distinct order_id from (
    select order_id from (
        select order_id, fiscal_period_id, -amount_functional as amount, true as is_as_ordered from consumed
        union all
        select order_id, fiscal_period_id, amount_functional, is_as_ordered from order_cost
    ) group by order_id, fiscal_period_id having coalesce(sum(amount), 0) <> 0 or not bool_and(is_as_ordered)
);

create temp macro rounded(amount, digits) as (case digits when 0 then round(amount, 0) when 1 then round(amount, 1)
    when 2 then round(amount, 2) when 3 then round(amount, 3) else amount end)::decimal(18,4);

create temp table variance_document as
with line as (
    select
        orders.* exclude (fiscal_period_id), orders.rowid as order_id, line_type = 'quantity' and coalesce(quantity, 0) <> 0 as is_quantity,
        case when has_decimals(amount_txn, minor_units) then 4 else minor_units end as digits,
        1::decimal(18,4) / power_of_ten(minor_units) as unit_size
    from orders where orders.rowid in (select order_id from differing)
), relieving as (
    select
        consumed.*, case when kind = 'order' then line.order_no else split_part(document_key, '|', 2) end as document_no
    from consumed join line using (order_id)
), relieved as (
    select order_id, kind, document_no, sum(amount_txn) as relieved, -sum(quantity) as relieved_quantity
    from relieving where step <> 3 group by all
), stated as (
    select line.order_id, 'receipt' as kind, split_part(document_key, '|', 1) as document_no,
        min(receipt.fiscal_period_id) as fiscal_period_id,
        sum(case when is_quantity then coalesce(receipt.quantity,
            pro_rata(line.quantity, receipt.amount_txn, line.amount_net_txn, 4)) end)::decimal(18,4) as units,
        sum(receipt.amount_txn)::decimal(18,4) as net, 0::decimal(18,4) as tax,
        coalesce(bool_or(receipt.currency <> line.currency), false) as other_currency,
        coalesce(bool_or(receipt.unit <> line.unit), false) as other_unit
    from receipt join line on line.order_id = receipt.order_id and relief_point = 'receipt' group by all
    union all
    select line.order_id, 'invoice', invoice_no, min(invoice.fiscal_period_id),
        sum(case when is_quantity then coalesce(invoice.quantity,
            pro_rata(line.quantity, invoice.amount_net_txn, line.amount_net_txn, 4)) end)::decimal(18,4),
        sum(invoice.amount_net_txn)::decimal(18,4), sum(coalesce(invoice.amount_tax_txn, 0))::decimal(18,4),
        coalesce(bool_or(invoice.currency <> line.currency), false), coalesce(bool_or(invoice.unit <> line.unit), false)
    from invoice join line on line.order_id = invoice.order_id where is_approved group by all
), valued as (
    select
        stated.*, line.is_quantity, digits, unit_size, relief_point = stated.kind as is_relieving, amount_net_txn, amount_tax_txn,
        line.amount_txn, coalesce(relieved.relieved, 0) as relieved,
        case when line.is_quantity then at_price(units, unit_price, amount_net_txn, quantity) else net end as at_order,
        at_price((units - coalesce(relieved_quantity, 0))::decimal(18,4), unit_price, amount_net_txn, quantity) as beyond,
        (at_order + coalesce(pro_rata(amount_tax_txn, at_order, amount_net_txn, 4), 0))::decimal(18,4) as at_order_gross,
        (beyond + coalesce(pro_rata(amount_tax_txn, beyond, amount_net_txn, 4), 0))::decimal(18,4) as beyond_gross
    from stated join line on line.order_id = stated.order_id
    left join relieved on relieved.order_id = stated.order_id and relieved.kind = stated.kind
        and relieved.document_no = stated.document_no
), over as (
    select *, case
        when not is_relieving or (not is_quantity and other_currency) then 0
        when is_quantity then rounded(beyond_gross, digits)
        when abs(at_order_gross - relieved) <= unit_size then 0
        else rounded(at_order_gross, digits) - relieved end::decimal(18,4) as over_txn
    from valued
), taxed as (
    select *, case
        when kind = 'receipt' or other_currency then 0
        else tax - rounded(coalesce(case when is_relieving then pro_rata(amount_tax_txn, relieved + over_txn, amount_txn, 4)
            else pro_rata(amount_tax_txn, at_order, amount_net_txn, 4) end, 0), digits) end::decimal(18,4) as stated_tax,
        case when abs(stated_tax) <= unit_size then 0 else stated_tax end::decimal(18,4) as tax_txn
    from over
), explained as (
    select order_id, kind, document_no, fiscal_period_id, over_txn, tax_txn, case
        when kind = 'receipt' or other_currency then 0
        when is_relieving then net + tax - relieved - over_txn - tax_txn
        when not is_quantity or other_unit or abs(net - at_order) <= unit_size then 0
        else net - rounded(at_order, digits) end::decimal(18,4) as price_txn
    from taxed
), summed as (
    select
        order_id, kind, document_no, fiscal_period_id, bool_or(has_come) as has_come, bool_or(other_currency) as other_currency,
        sum(columns(['relieved', 'released', 'cost', 'over_txn', 'price_txn', 'tax_txn', 'whole']))
    from (
        select order_id, kind, document_no, fiscal_period_id, true as has_come, false as other_currency,
            case when step = 3 then 0 else amount_txn end as relieved, case when step = 3 then amount_txn else 0 end as released,
            0::decimal(18,4) as cost, 0::decimal(18,4) as over_txn, 0::decimal(18,4) as price_txn, 0::decimal(18,4) as tax_txn,
            coalesce(-amount_functional, 0) as whole
        from relieving
        union all
        select order_id, kind, document_no, order_cost.fiscal_period_id, false, is_other_currency, 0, 0, order_cost.amount_txn, 0, 0, 0,
            order_cost.amount_functional
        from order_cost join line using (order_id)
        union all
        select order_id, kind, document_no, fiscal_period_id, true, false, 0, 0, 0, over_txn, price_txn, tax_txn, 0 from explained
    ) group by order_id, kind, document_no, fiscal_period_id
), so_far as (
    select
        summed.*, unit_size * count(*) over (partition by order_id) as rounding, rate_functional,
        period.ordinal, bool_or(has_come) over document as come, bool_or(summed.other_currency) over document as foreign_so_far,
        sum(cost) over document as cost_so_far, sum(relieved + over_txn + price_txn + summed.tax_txn) over document as expected,
        case when summed.kind = 'posting' then cost_so_far when come and cost_so_far <> 0 then cost_so_far - expected else 0 end as rest,
        case when abs(rest) <= rounding then rest else 0 end as rounded_so_far, rest - rounded_so_far as other_so_far
    from summed join line using (order_id)
    join period on period.fiscal_period_id = summed.fiscal_period_id
    window document as (partition by order_id, summed.kind, document_no order by period.ordinal rows unbounded preceding)
), part as (
    select
        *, (rounded_so_far - coalesce(lag(rounded_so_far) over document, 0))::decimal(18,4) as rounding_txn,
        (other_so_far - coalesce(lag(other_so_far) over document, 0))::decimal(18,4) as other_txn,
        (cost - relieved - over_txn - price_txn - tax_txn - other_txn - rounding_txn)::decimal(18,4) as timing_txn
    from so_far
    window document as (partition by order_id, kind, document_no order by ordinal)
), converted as (
    select
        order_id, kind, document_no, fiscal_period_id, whole,
        coalesce(times((price_txn + rounding_txn)::decimal(18,4), rate_functional), 0) as price,
        coalesce(times((over_txn - released)::decimal(18,4), rate_functional), 0) as quantity,
        coalesce(times(tax_txn::decimal(18,4), rate_functional), 0) as tax,
        coalesce(times(timing_txn, rate_functional), 0) as timing,
        case when foreign_so_far then 0 else coalesce(times(other_txn, rate_functional), 0) end as other
    from part
), elsewhere as (
    select order_id, kind, document_no, fiscal_period_id, cost_center_id, account_id, project_id, segment_1, segment_2,
        sum(amount_functional) as whole
    from order_cost where not is_as_ordered and order_id in (select order_id from line) group by all
), moved as (
    select order_id, kind, document_no, fiscal_period_id, sum(whole) as whole from elsewhere group by all
)
select
    order_id, kind, document_no, fiscal_period_id, cost_center_id, account_id, project_id,
    coalesce(segment_1, 'NONE') as segment_1, coalesce(segment_2, 'NONE') as segment_2,
    converted.whole - coalesce(moved.whole, 0) as variance, price, converted.quantity, tax,
    converted.whole - price - converted.quantity - tax - timing - other as currency_part, timing, -coalesce(moved.whole, 0) as coding, other
from converted join line using (order_id)
left join moved using (order_id, kind, document_no, fiscal_period_id)
where converted.whole <> 0 or price <> 0 or converted.quantity <> 0 or tax <> 0 or timing <> 0 or coalesce(moved.whole, 0) <> 0 or other <> 0
union all
select order_id, kind, document_no, fiscal_period_id, cost_center_id, account_id, project_id, segment_1, segment_2, whole, 0, 0, 0, 0, 0,
    whole, 0
from elsewhere where whole <> 0;

create temp table variance_cell as
select
    legal_entity_id, fiscal_period_id, control_cost_center_id, control_account_id, project_id, segment_1, segment_2,
    coalesce(sum(columns(['actual', 'consumed', 'cost', 'cost_in_actual', 'price', 'quantity', 'tax', 'currency_part', 'timing', 'coding',
        'other'])), 0)
from (
    select
        legal_entity_id, fiscal_period_id, control_cost_center_id, control_account_id, project_id, segment_1, segment_2,
        actual_functional as actual, enc_relieved - enc_reinstated + enc_released as consumed, null as cost, null as cost_in_actual,
        null as price, null as quantity, null as tax, null as currency_part, null as timing, null as coding, null as other
    from cell_period where legal_entity_id in (
        select distinct legal_entity_id from order_cost join orders on orders.rowid = order_cost.order_id)
    union all by name
    select
        booked.* exclude (cost_center_id, account_id), coalesce(cost_center_level.control_code, cost_center_id) as control_cost_center_id,
        coalesce(account_level.control_code, account_id) as control_account_id
    from (
        select orders.legal_entity_id, c.fiscal_period_id, c.cost_center_id, c.account_id, c.project_id, c.segment_1, c.segment_2,
            sum(c.amount_functional) as cost,
            sum(case when not is_actual then 0 when account_type = 'revenue' then -c.amount_functional else c.amount_functional end)
                as cost_in_actual
        from order_cost as c join orders on orders.rowid = c.order_id group by all
        union all by name
        select orders.legal_entity_id, d.fiscal_period_id, d.cost_center_id, d.account_id, d.project_id, d.segment_1, d.segment_2,
            sum(price) as price, sum(d.quantity) as quantity, sum(tax) as tax, sum(currency_part) as currency_part, sum(timing) as timing,
            sum(coding) as coding, sum(other) as other
        from variance_document as d join orders on orders.rowid = d.order_id group by all
    ) as booked
    left join level as cost_center_level on cost_center_level.kind = 'cost_center' and cost_center_level.code = cost_center_id
    left join level as account_level on account_level.kind = 'account' and account_level.code = account_id
) group by all;

copy (
    with figure as (
        select *, actual - cost_in_actual as cost_without_order, cost - consumed as variance
        from variance_cell
        where actual <> 0 or consumed <> 0 or cost <> 0 or cost_in_actual <> 0 or price <> 0 or quantity <> 0 or tax <> 0
            or currency_part <> 0 or timing <> 0 or coding <> 0 or other <> 0
    )
    select
        legal_entity_id, fiscal_period_id, fiscal_year, control_cost_center_id, control_account_id,
        account.account_name as control_account_name, project_id, segment_1, segment_2, 'NONE' as segment_3, 'NONE' as segment_4,
        'NONE' as segment_5, 'NONE' as segment_6,
        cell(legal_entity_id, control_cost_center_id, control_account_id, project_id, segment_1, segment_2) as cell_id,
        functional_currency as currency_code, actual as actual_functional, cost_without_order as cost_without_order_functional,
        cost as cost_of_orders_functional, consumed as commitment_consumed_functional, variance as variance_functional,
        price as price_functional, quantity as quantity_functional, tax as tax_functional, currency_part as currency_functional,
        timing as timing_functional, coding as coding_functional, other as other_functional,
        sum(actual) over ytd as ytd_actual_functional, sum(cost_without_order) over ytd as ytd_cost_without_order_functional,
        sum(cost) over ytd as ytd_cost_of_orders_functional, sum(consumed) over ytd as ytd_commitment_consumed_functional,
        sum(variance) over ytd as ytd_variance_functional, sum(price) over ytd as ytd_price_functional,
        sum(quantity) over ytd as ytd_quantity_functional, sum(tax) over ytd as ytd_tax_functional,
        sum(currency_part) over ytd as ytd_currency_functional, sum(timing) over ytd as ytd_timing_functional,
        sum(coding) over ytd as ytd_coding_functional, sum(other) over ytd as ytd_other_functional
    from figure
    join period using (fiscal_period_id)
    left join entity using (legal_entity_id)
    left join account on account.account_id = control_account_id
    window ytd as (
        partition by legal_entity_id, control_cost_center_id, control_account_id, project_id, segment_1, segment_2, fiscal_year
        order by period.ordinal rows unbounded preceding)
    order by legal_entity_id, fiscal_period_id, control_cost_center_id, control_account_id, project_id, segment_1, segment_2
) to '${target}/mart_variance.parquet' (format parquet, compression zstd);

copy (
    select
        orders.record_key, d.kind as document_kind, document_no, legal_entity_id, d.fiscal_period_id, 'procurement' as source_system,
        order_no, line_no as order_line_no, d.cost_center_id, d.account_id, d.project_id, d.segment_1, d.segment_2,
        'NONE' as segment_3, 'NONE' as segment_4, 'NONE' as segment_5, 'NONE' as segment_6,
        coalesce(cost_center_level.control_code, d.cost_center_id) as control_cost_center_id,
        coalesce(account_level.control_code, d.account_id) as control_account_id,
        cell_of(legal_entity_id, d.cost_center_id, d.account_id, d.project_id, d.segment_1, d.segment_2) as cell_id,
        entity.functional_currency as currency_code, variance as variance_functional, price as price_functional,
        d.quantity as quantity_functional, tax as tax_functional, currency_part as currency_functional, timing as timing_functional,
        coding as coding_functional, other as other_functional
    from variance_document as d
    join orders on orders.rowid = d.order_id
    left join entity using (legal_entity_id)
    left join level as cost_center_level on cost_center_level.kind = 'cost_center' and cost_center_level.code = d.cost_center_id
    left join level as account_level on account_level.kind = 'account' and account_level.code = d.account_id
    order by record_key, document_kind, document_no, fiscal_period_id, cost_center_id, account_id, project_id, segment_1, segment_2
) to '${target}/mart_variance_document.parquet' (format parquet, compression zstd);
