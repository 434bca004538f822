-- ---- budget versus actual, and C25
create temp table mart_budget_vs_actual as
with cells as (
    select
        cell_period.*, period.fiscal_year, coalesce(period.starts_on, date '${as_of}') as starts_on, period.ordinal,
        sum(budget_functional) over so_far as ytd_budget_functional, sum(actual_functional) over so_far as ytd_actual_functional,
        sum(budget_group) over so_far as ytd_budget_group, sum(actual_group) over so_far as ytd_actual_group,
        sum(budget_functional) over full_year as year_budget_functional, sum(budget_rows) over full_year as year_budget_rows
    from cell_period join period using (fiscal_period_id)
    where budget_rows + actual_rows > 0
    window so_far as (partition by cell_id, period.fiscal_year order by period.ordinal rows unbounded preceding),
        full_year as (partition by cell_id, period.fiscal_year)
)
select
    cells.legal_entity_id, cells.fiscal_period_id, cells.fiscal_year, control_cost_center_id, control_account_id,
    account.account_name as control_account_name, coalesce(account.account_type, 'none') as account_type, project_id,
    segment_1, segment_2, 'NONE' as segment_3, 'NONE' as segment_4, 'NONE' as segment_5, 'NONE' as segment_6, cell_id,
    entity.functional_currency as currency_code,
    budget_original as budget_original_functional, budget_adjustment as budget_adjustment_functional,
    budget_transfer as budget_transfer_functional, budget_carry_forward as budget_carry_forward_functional,
    budget_functional, actual_functional, budget_functional - actual_functional as variance_functional,
    ytd_budget_functional, ytd_actual_functional, ytd_budget_functional - ytd_actual_functional as ytd_variance_functional,
    year_budget_functional, budget_group, actual_group, budget_group - actual_group as variance_group,
    ytd_budget_group, ytd_actual_group, budget_rows, actual_rows, budget_rows > 0 as has_budget, actual_rows > 0 as has_actual,
    case
        when year_budget_rows = 0 then 'actual_without_budget'
        when actual_rows = 0 then 'budget_without_actual'
        when actual_functional > budget_functional then 'over_budget'
        else 'within_budget'
    end as budget_status,
    -- what C25 asks beside: is the account controlled, and since when does the period run
    control_account_id not in ('UNMAPPED', 'NONE') and coalesce(account.is_budget_controlled, true) as is_controlled,
    starts_on,
    case when year_budget_rows = 0 then actual_functional <> 0 else actual_functional > budget_functional end as is_different
from cells
left join entity on entity.legal_entity_id = cells.legal_entity_id
left join account on account.account_id = cells.control_account_id;

insert into passing
select 'C25', legal_entity_id, fiscal_period_id, 'matched', count(*)
from mart_budget_vs_actual where is_controlled and not is_different group by all;

insert into failing by name
select
    'C25' as control_id, legal_entity_id, fiscal_period_id,
    case when budget_status = 'actual_without_budget' then budget_status else 'over_budget' end as reason_code,
    'budget' as aspect,
    concat_ws('|', control_cost_center_id, control_account_id, project_id, segment_1, segment_2, 'NONE', 'NONE', 'NONE', 'NONE',
        fiscal_period_id) as business_key,
    budget_functional as left_amount, actual_functional as right_amount, variance_functional as difference_amount, currency_code,
    abs(variance_functional) as amount_functional, abs(variance_group) as amount_group, control_account_id as account_id,
    control_cost_center_id as cost_center_id, cell_id, starts_on as document_date
from mart_budget_vs_actual where is_controlled and is_different;

-- ---- commitment versus actual
create temp table mart_commitment_vs_actual as
with cells as (
    select
        cell_period.*, pre_new - pre_relieved + pre_reinstated - pre_released as pre_change,
        enc_new - enc_relieved + enc_reinstated - enc_released as enc_change,
        entity.calendar_id, entity.functional_currency, period.ordinal
    from cell_period join period using (fiscal_period_id)
    join (select * from entity union all values ('UNMAPPED', 'XXX', 'UNMAPPED')) as entity using (legal_entity_id)
), span as (
    select
        cells.cell_id, cells.legal_entity_id, control_cost_center_id, control_account_id, project_id, segment_1, segment_2,
        cells.calendar_id, functional_currency, min(cells.ordinal) as first_ordinal,
        greatest(max(cells.ordinal), coalesce(min(today.ordinal), 0)) as last_ordinal
    from cells
    left join period as today on today.calendar_id = cells.calendar_id and today.kind = 'normal'
        and date '${as_of}' between today.starts_on and today.ends_on
    group by all
), first_period as (
    select calendar_id, min(ordinal) as ordinal from period group by calendar_id
), grid as (
    select span.*, period.fiscal_period_id, period.fiscal_year, period.ordinal, period.starts_on
    from span
    join first_period using (calendar_id)
    join period on period.calendar_id = span.calendar_id and period.kind = 'normal'
        and period.ordinal between greatest(span.first_ordinal, first_period.ordinal) and span.last_ordinal
    union all
    select span.*, period.fiscal_period_id, period.fiscal_year, period.ordinal, period.starts_on
    from span
    join cells using (cell_id)
    join period on period.fiscal_period_id = cells.fiscal_period_id and period.kind <> 'normal'
    join first_period on first_period.calendar_id = span.calendar_id
    where period.kind = 'unmapped' or period.ordinal >= greatest(span.first_ordinal, first_period.ordinal)
), running as (
    select
        grid.*, coalesce(cells.budget_rows, 0) + coalesce(cells.actual_rows, 0) as row_count,
        coalesce(cells.budget_functional, 0) as budget_functional, coalesce(cells.budget_group, 0) as budget_group,
        coalesce(cells.pre_new, 0) as pre_new, coalesce(cells.pre_relieved, 0) as pre_relieved,
        coalesce(cells.pre_reinstated, 0) as pre_reinstated, coalesce(cells.pre_group, 0) as pre_group_change,
        coalesce(cells.pre_released, 0) as pre_released, coalesce(cells.pre_change, 0) as pre_change,
        coalesce(cells.enc_new, 0) as enc_new, coalesce(cells.enc_relieved, 0) as enc_relieved,
        coalesce(cells.enc_reinstated, 0) as enc_reinstated, coalesce(cells.enc_group, 0) as enc_group_change,
        coalesce(cells.enc_released, 0) as enc_released, coalesce(cells.enc_change, 0) as enc_change,
        coalesce(cells.actual_functional, 0) as actual_functional, coalesce(cells.actual_group, 0) as actual_group,
        coalesce(sum(cells.pre_change) over so_far, 0) as pre_closing, coalesce(sum(cells.enc_change) over so_far, 0) as enc_closing,
        coalesce(sum(cells.pre_group) over so_far, 0) as pre_closing_group,
        coalesce(sum(cells.enc_group) over so_far, 0) as enc_closing_group,
        coalesce(sum(cells.budget_functional) over year_to_date, 0) as ytd_budget_functional,
        coalesce(sum(cells.budget_group) over year_to_date, 0) as ytd_budget_group,
        coalesce(sum(cells.actual_functional) over year_to_date, 0) as ytd_actual_functional,
        coalesce(sum(cells.actual_group) over year_to_date, 0) as ytd_actual_group,
        coalesce(sum(cells.pre_new) over year_to_date, 0) as ytd_pre_new,
        coalesce(sum(cells.pre_relieved) over year_to_date, 0) as ytd_pre_relieved,
        coalesce(sum(cells.pre_released) over year_to_date, 0) as ytd_pre_released,
        coalesce(sum(cells.pre_reinstated) over year_to_date, 0) as ytd_pre_reinstated,
        coalesce(sum(cells.enc_new) over year_to_date, 0) as ytd_enc_new,
        coalesce(sum(cells.enc_relieved) over year_to_date, 0) as ytd_enc_relieved,
        coalesce(sum(cells.enc_released) over year_to_date, 0) as ytd_enc_released,
        coalesce(sum(cells.enc_reinstated) over year_to_date, 0) as ytd_enc_reinstated,
        coalesce(sum(cells.budget_functional) over full_year, 0) as year_budget_functional,
        coalesce(sum(cells.budget_group) over full_year, 0) as year_budget_group,
        sum(coalesce(cells.budget_rows, 0) + coalesce(cells.actual_rows, 0)) over full_year as year_rows
    from grid
    left join cells on cells.cell_id = grid.cell_id and cells.fiscal_period_id = grid.fiscal_period_id
    window so_far as (partition by grid.cell_id order by grid.ordinal rows unbounded preceding),
        year_to_date as (partition by grid.cell_id, grid.fiscal_year order by grid.ordinal rows unbounded preceding),
        full_year as (partition by grid.cell_id, grid.fiscal_year)
), doubt as (
    select cell_id, fiscal_period_id, sum(amount_functional) as amount_functional, count(*) as exceptions
    from (
        select legal_entity_id, cell_id, fiscal_period_id, amount_functional
        from failing where control_id <> 'C25' and cell_id is not null
        union all
        select legal_entity_id, cell_of(legal_entity_id, cost_center_id, account_id, project_id, segment_1, segment_2) as cell_id,
            fiscal_period_id, null
        from (
            select distinct legal_entity_id, fiscal_period_id, cost_center_id, account_id, project_id, segment_1, segment_2, currency
            from orders where amount_functional is null and line_status not in ('draft', 'pending', 'rejected')
            union
            select distinct legal_entity_id, fiscal_period_id, cost_center_id, account_id, project_id, segment_1, segment_2, currency
            from requisition where amount_functional is null and line_status not in ('draft', 'submitted', 'rejected')
            union
            select distinct legal_entity_id, fiscal_period_id, cost_center_id, account_id, project_id, location, program, currency
            from budget where amount_functional is null and version_status in ('approved', 'locked')
        ) where legal_entity_id <> 'UNMAPPED' group by legal_entity_id, cell_id, fiscal_period_id, currency
    ) group by cell_id, fiscal_period_id
), with_window as (
    select running.*, coalesce(own.value, everywhere.value, 'year_to_date') as funds_window
    from running
    left join policy as own on own.policy = 'funds_window' and own.legal_entity_id = running.legal_entity_id
        and coalesce(running.starts_on, date '${as_of}') between own.valid_from and own.valid_to
    left join policy as everywhere on everywhere.policy = 'funds_window' and everywhere.legal_entity_id is null
        and coalesce(running.starts_on, date '${as_of}') between everywhere.valid_from and everywhere.valid_to
)
select
    line.legal_entity_id, line.fiscal_period_id, fiscal_year, control_cost_center_id, control_account_id,
    account.account_name as control_account_name, coalesce(account.account_type, 'none') as account_type, project_id,
    segment_1, segment_2, 'NONE' as segment_3, 'NONE' as segment_4, 'NONE' as segment_5, 'NONE' as segment_6, line.cell_id,
    functional_currency as currency_code,
    budget_functional, ytd_budget_functional, year_budget_functional,
    pre_closing - pre_change as pre_encumbrance_opening_functional,
    pre_new as pre_encumbrance_new_functional, 0::decimal(28,4) as pre_encumbrance_adjusted_functional,
    pre_relieved as pre_encumbrance_relieved_functional, pre_reinstated as pre_encumbrance_reinstated_functional,
    pre_released as pre_encumbrance_released_functional, 0::decimal(28,4) as pre_encumbrance_carried_out_functional,
    0::decimal(28,4) as pre_encumbrance_carried_in_functional, 0::decimal(28,4) as pre_encumbrance_revalued_functional,
    pre_closing as pre_encumbrance_closing_functional,
    enc_closing - enc_change as encumbrance_opening_functional,
    enc_new as encumbrance_obligated_functional, 0::decimal(28,4) as encumbrance_adjusted_functional,
    enc_relieved as encumbrance_relieved_functional, enc_reinstated as encumbrance_reinstated_functional,
    enc_released as encumbrance_released_functional, 0::decimal(28,4) as encumbrance_carried_out_functional,
    0::decimal(28,4) as encumbrance_carried_in_functional, 0::decimal(28,4) as encumbrance_revalued_functional,
    enc_closing as encumbrance_closing_functional,
    actual_functional, ytd_actual_functional,
    ytd_pre_new as ytd_pre_encumbrance_new_functional, 0::decimal(28,4) as ytd_pre_encumbrance_adjusted_functional,
    ytd_pre_relieved as ytd_pre_encumbrance_relieved_functional, ytd_pre_reinstated as ytd_pre_encumbrance_reinstated_functional,
    ytd_pre_released as ytd_pre_encumbrance_released_functional, 0::decimal(28,4) as ytd_pre_encumbrance_carried_out_functional,
    0::decimal(28,4) as ytd_pre_encumbrance_carried_in_functional, 0::decimal(28,4) as ytd_pre_encumbrance_revalued_functional,
    ytd_enc_new as ytd_encumbrance_obligated_functional, 0::decimal(28,4) as ytd_encumbrance_adjusted_functional,
    ytd_enc_relieved as ytd_encumbrance_relieved_functional, ytd_enc_reinstated as ytd_encumbrance_reinstated_functional,
    ytd_enc_released as ytd_encumbrance_released_functional, 0::decimal(28,4) as ytd_encumbrance_carried_out_functional,
    0::decimal(28,4) as ytd_encumbrance_carried_in_functional, 0::decimal(28,4) as ytd_encumbrance_revalued_functional,
    funds_window,
    case funds_window when 'period' then budget_functional - actual_functional
        when 'year_to_date' then ytd_budget_functional - ytd_actual_functional
        else year_budget_functional - ytd_actual_functional end - pre_closing - enc_closing as funds_available_functional,
    coalesce(doubt.amount_functional, 0) as amount_in_question_functional,
    coalesce(doubt.exceptions, 0) as exceptions_in_question,
    budget_group, ytd_budget_group, pre_closing_group - pre_group_change as pre_encumbrance_opening_group,
    pre_closing_group as pre_encumbrance_closing_group, enc_closing_group - enc_group_change as encumbrance_opening_group,
    enc_closing_group as encumbrance_closing_group, actual_group, ytd_actual_group,
    case funds_window when 'period' then budget_group - actual_group
        when 'year_to_date' then ytd_budget_group - ytd_actual_group
        else year_budget_group - ytd_actual_group end - pre_closing_group - enc_closing_group as funds_available_group
from with_window as line
left join account on account.account_id = line.control_account_id
left join doubt on doubt.cell_id = line.cell_id and doubt.fiscal_period_id = line.fiscal_period_id
where year_rows > 0 or pre_closing <> 0 or enc_closing <> 0 or ytd_pre_new <> 0 or ytd_pre_relieved <> 0
    or ytd_pre_released <> 0 or ytd_enc_new <> 0 or ytd_enc_relieved <> 0 or ytd_enc_released <> 0
    or ytd_pre_reinstated <> 0 or ytd_enc_reinstated <> 0;

-- ---- C05: the balance of the latest documents, against the movements; movements of a cell, against the cell
create temp table requisition_open as from open_amounts('requisition_event');

create temp table c05 as
with arrived as (
    select order_id, sum(part) as part from (
        select orders.rowid as order_id, case
            when orders.line_type = 'quantity' and coalesce(orders.quantity, 0) <> 0 then coalesce(receipt.quantity,
                pro_rata(orders.quantity, receipt.amount_txn, orders.amount_net_txn, 4))
            when coalesce(receipt.currency, orders.currency) = orders.currency then receipt.amount_txn end as part
        from receipt join orders on orders.rowid = receipt.order_id and orders.relief_point = 'receipt'
        where receipt.posting_date <= date '${as_of}'
        union all
        select orders.rowid, case
            when orders.line_type = 'quantity' and coalesce(orders.quantity, 0) <> 0 then coalesce(invoice.quantity,
                pro_rata(orders.quantity, invoice.amount_net_txn, orders.amount_net_txn, 4))
            when invoice.currency = orders.currency then invoice.amount_net_txn
            else pro_rata(orders.amount_txn, invoice.amount_functional, orders.amount_functional, 4) end
        from invoice join orders on orders.rowid = invoice.order_id and orders.relief_point = 'invoice'
        where invoice.is_approved and invoice.posting_date <= date '${as_of}'
    ) group by order_id
), made as (
    select requisition.rowid as requisition_id, count(*) as order_count, sum(case
        when orders.currency = requisition.currency then orders.amount_txn
        else pro_rata(requisition.amount_txn, orders.amount_functional, requisition.amount_functional, 4) end) as part
    from orders
    join requisition on requisition.requisition_no = orders.requisition and requisition.line_no = orders.requisition_line
    where orders.order_date <= date '${as_of}' and (orders.line_status in ('pending', 'approved', 'issued', 'closed')
        or (orders.line_status = 'cancelled' and orders.approved_on is not null))
    group by requisition.rowid
), line as (
    select
        orders.rowid as line_id, 'encumbrance' as kind, orders.legal_entity_id, l.activity_period_id as fiscal_period_id,
        case
            when line_status in ('approved', 'issued', 'closed') then coalesce(approved_on, order_date)
            when line_status in ('cancelled', 'rejected') then approved_on
        end as begins_on,
        line_status in ('approved', 'issued') or (line_status in ('closed', 'cancelled', 'rejected')
            and coalesce(closed_on, date '${as_of}') > date '${as_of}') as is_open,
        case when line_type = 'quantity' and coalesce(orders.quantity, 0) <> 0 then orders.quantity else amount_net_txn end as whole,
        case when has_decimals(amount_txn, minor_units) then 4 else minor_units end as digits,
        amount_txn, rate_functional, rate_group, coalesce(arrived.part, 0) as part
    from orders join order_line as l on l.order_id = orders.rowid left join arrived on arrived.order_id = orders.rowid
    union all
    select
        requisition.rowid, 'pre_encumbrance', requisition.legal_entity_id, requisition.fiscal_period_id, begins_on,
        line_status = 'approved' or (line_status = 'ordered' and made.order_count is null)
        or (line_status in ('closed', 'cancelled', 'rejected') and coalesce(closed_on, date '${as_of}') > date '${as_of}'),
        amount_txn, 4, amount_txn, rate_functional, rate_group, coalesce(made.part, 0)
    from requisition left join made on made.requisition_id = requisition.rowid
), opened as (
    select 'encumbrance' as kind, * from order_open union all select 'pre_encumbrance', * from requisition_open
), side as (
    select
        line.legal_entity_id, coalesce(day.fiscal_period_id, line.fiscal_period_id, 'UNMAPPED') as fiscal_period_id,
        case when begins_on <= date '${as_of}' and is_open then left_of(amount_txn, clamp(part, whole), whole, digits) else 0 end
            as amount_open,
        coalesce(opened.amount_open_txn, 0) as moved, opened.amount_open_functional, opened.amount_open_group,
        line.rate_functional, line.rate_group
    from line left join opened on opened.kind = line.kind and opened.line_id = line.line_id
    left join entity_day as day on day.legal_entity_id = line.legal_entity_id and day.period_day = opened.last_event_on
)
select legal_entity_id, fiscal_period_id, 'line' as aspect,
    case when amount_open <> moved then 'balance_differs' when times(amount_open, rate_functional) <> amount_open_functional
        or times(amount_open, rate_group) <> amount_open_group then 'converted_differs' end as reason_code
from side
union all
select legal_entity_id, fiscal_period_id, 'cell', null from cell_period;

insert into passing
select 'C05', legal_entity_id, fiscal_period_id, 'matched', count(*) from c05 where reason_code is null group by all;

-- ---- publication
copy (
    select * exclude (is_controlled, starts_on, is_different) from mart_budget_vs_actual
    order by legal_entity_id, fiscal_period_id, control_cost_center_id, control_account_id, project_id, segment_1, segment_2
) to '${target}/mart_budget_vs_actual.parquet' (format parquet, compression zstd);

copy (
    from mart_commitment_vs_actual
    order by legal_entity_id, fiscal_period_id, control_cost_center_id, control_account_id, project_id, segment_1, segment_2
) to '${target}/mart_commitment_vs_actual.parquet' (format parquet, compression zstd);

copy (
    select
        actual.legal_entity_id, actual.fiscal_period_id, period.fiscal_year, 'ledger' as source_system, actual.account_id,
        account.account_name, account.account_type, actual.cost_center_id, actual.project_id, actual.segment_1, actual.segment_2,
        'NONE' as segment_3, 'NONE' as segment_4, 'NONE' as segment_5, 'NONE' as segment_6,
        coalesce(entity.functional_currency, 'XXX') as currency_code, actual.amount_functional, actual.amount_group,
        actual.row_count, 'journal_line' as actual_source
    from actual
    left join account on account.account_id = actual.account_id
    left join entity on entity.legal_entity_id = actual.legal_entity_id
    left join period on period.fiscal_period_id = actual.fiscal_period_id
    order by actual.legal_entity_id, actual.fiscal_period_id, account_id, cost_center_id, project_id, segment_1, segment_2
) to '${target}/mart_ledger_balance.parquet' (format parquet, compression zstd);


copy (
    select
        'procurement' as source_system, o.order_no, o.line_no, o.record_key, o.legal_entity_id,
        o.fiscal_period_id as order_fiscal_period_id, l.activity_period_id as fiscal_period_id, o.supplier_id,
        supplier.supplier_name, o.cost_center_id, o.account_id, o.project_id, o.segment_1, o.segment_2,
        null::varchar as segment_3, null::varchar as segment_4, null::varchar as segment_5, null::varchar as segment_6,
        o.line_type, o.line_status, o.relief_point, o.order_date, o.approved_on, o.due_on, o.closed_on, l.received_on,
        l.invoiced_on, o.unit as unit_code, o.quantity as quantity_ordered, l.quantity_received, l.quantity_rejected,
        l.quantity_invoiced, greatest(o.quantity - l.quantity_received, 0) as quantity_short,
        greatest(l.quantity_received - o.quantity, 0) as quantity_over, o.currency as currency_code, o.unit_price,
        o.amount_net_txn, o.amount_tax_txn, o.amount_txn, l.amount_net_invoiced_txn, l.amount_tax_invoiced_txn,
        case when o.quantity > l.quantity_received
            then at_price(o.quantity - l.quantity_received, o.unit_price, o.amount_net_txn, o.quantity) else 0 end
            as amount_short_txn,
        at_price(l.quantity_rejected, o.unit_price, o.amount_net_txn, o.quantity) as amount_rejected_txn,
        coalesce(p.amount_adjusted_txn, 0) as amount_adjusted_txn,
        coalesce(p.amount_relieved_txn, 0) as amount_relieved_txn, coalesce(p.amount_released_txn, 0) as amount_released_txn,
        coalesce(p.amount_open_txn, 0) as amount_open_txn, coalesce(o.functional_currency, 'XXX') as functional_currency,
        o.amount_functional, o.amount_group,
        case when p.line_id is null then 0 else p.amount_open_functional end as amount_open_functional,
        case when p.line_id is null then 0 else p.amount_open_group end as amount_open_group
    from orders as o
    join order_line as l on l.order_id = o.rowid
    left join order_open as p on p.line_id = o.rowid
    left join supplier on supplier.supplier_id = o.supplier_id
    order by o.record_key
) to '${target}/mart_order_line.parquet' (format parquet, compression zstd);

copy (
    with line as (
        select
            'encumbrance' as commitment_kind, o.order_no as document_no, o.line_no, o.record_key, o.legal_entity_id, o.supplier_id,
            o.cost_center_id, o.account_id, o.project_id, o.segment_1, o.segment_2, o.line_type, o.line_status, o.relief_point,
            o.due_on, o.quantity as quantity_ordered, l.quantity_received, l.quantity_invoiced, o.currency,
            coalesce(o.functional_currency, 'XXX') as functional_currency, p.*
        from order_open as p join orders as o on o.rowid = p.line_id join order_line as l on l.order_id = p.line_id
        where p.amount_open_txn <> 0
        union all by name
        select
            'pre_encumbrance' as commitment_kind, q.requisition_no as document_no, q.line_no,
            'procurement|' || q.requisition_no || '|' || q.line_no as record_key, q.legal_entity_id, q.supplier_id,
            q.cost_center_id, q.account_id, q.project_id, q.segment_1, q.segment_2, q.currency,
            coalesce(q.functional_currency, 'XXX') as functional_currency, p.*
        from requisition_open as p join requisition as q on q.rowid = p.line_id
        where p.amount_open_txn <> 0
    )
    select
        commitment_kind, 'procurement' as source_system, document_no, line_no, record_key, line.legal_entity_id, line.supplier_id,
        supplier.supplier_name, cost_center_id, account_id, project_id, coalesce(segment_1, 'NONE') as segment_1,
        coalesce(segment_2, 'NONE') as segment_2, 'NONE' as segment_3, 'NONE' as segment_4, 'NONE' as segment_5,
        'NONE' as segment_6, coalesce(cost_center_level.control_code, cost_center_id) as control_cost_center_id,
        coalesce(account_level.control_code, account_id) as control_account_id,
        cell(line.legal_entity_id, control_cost_center_id, control_account_id, project_id, coalesce(line.segment_1, 'NONE'),
            coalesce(line.segment_2, 'NONE')) as cell_id,
        line_type, line_status, relief_point, committed_on, due_on, last_event_on,
        date '${as_of}' - committed_on as age_days,
        case when age_days <= 30 then '0-30' when age_days <= 90 then '31-90' when age_days <= 180 then '91-180'
            when age_days <= 365 then '181-365' else 'over 365' end as age_band,
        quantity_ordered, quantity_received, quantity_invoiced, currency as currency_code, amount_committed_txn,
        amount_adjusted_txn, amount_relieved_txn, amount_released_txn, amount_open_txn, functional_currency, amount_open_functional,
        amount_open_group, date '${as_of}' as as_of
    from line
    left join supplier on supplier.supplier_id = line.supplier_id
    left join level as cost_center_level on cost_center_level.kind = 'cost_center' and cost_center_level.code = cost_center_id
    left join level as account_level on account_level.kind = 'account' and account_level.code = account_id
    order by commitment_kind, record_key
) to '${target}/mart_open_commitments.parquet' (format parquet, compression zstd);

copy (
    with movement as (
        select
            'encumbrance' as commitment_kind, o.record_key, o.legal_entity_id, o.cost_center_id, o.account_id, o.project_id,
            o.segment_1, o.segment_2, o.currency as currency_code,
            case step when 1 then 'obligate' when 2 then 'relieve' when 3 then 'release' else 'reinstate' end as movement_type, e.*
        from order_event as e join orders as o on o.rowid = e.line_id
        union all by name
        select
            'pre_encumbrance' as commitment_kind, 'procurement|' || q.requisition_no || '|' || q.line_no as record_key,
            q.legal_entity_id, q.cost_center_id, q.account_id, q.project_id, q.segment_1, q.segment_2, q.currency as currency_code,
            case step when 1 then 'reserve' when 2 then 'relieve' else 'release' end as movement_type, e.*
        from requisition_event as e join requisition as q on q.rowid = e.line_id
    )
    select
        commitment_kind, movement.record_key, movement.legal_entity_id, coalesce(day.fiscal_period_id, 'UNMAPPED') as fiscal_period_id,
        event_on as movement_on, movement_type, document_kind,
        coalesce(document_key, movement.record_key) as document_key, sequence_no,
        coalesce(cost_center_level.control_code, cost_center_id) as control_cost_center_id,
        coalesce(account_level.control_code, account_id) as control_account_id, cost_center_id, account_id, project_id,
        cell(movement.legal_entity_id, coalesce(cost_center_level.control_code, cost_center_id),
            coalesce(account_level.control_code, account_id), project_id, coalesce(segment_1, 'NONE'), coalesce(segment_2, 'NONE'))
            as cell_id,
        coalesce(segment_1, 'NONE') as segment_1, coalesce(segment_2, 'NONE') as segment_2, 'NONE' as segment_3,
        'NONE' as segment_4, 'NONE' as segment_5, 'NONE' as segment_6, currency_code, quantity, amount_txn,
        entity.functional_currency, amount_functional, amount_group
    from movement
    left join entity_day as day on day.legal_entity_id = movement.legal_entity_id and day.period_day = event_on
    left join entity on entity.legal_entity_id = movement.legal_entity_id
    left join level as cost_center_level on cost_center_level.kind = 'cost_center' and cost_center_level.code = cost_center_id
    left join level as account_level on account_level.kind = 'account' and account_level.code = account_id
    order by commitment_kind, movement.record_key, movement_on, movement_type, document_key, sequence_no
) to '${target}/mart_commitment_movement.parquet' (format parquet, compression zstd);

copy (
    select
        counted.control_id, counted.legal_entity_id, counted.fiscal_period_id,
        case when rows_failed > 0 then 'failed' else 'passed' end as status,
        rows_matched + rows_within_tolerance + rows_failed as rows_compared, rows_matched, rows_within_tolerance, rows_failed,
        entity.functional_currency as currency_code, amount_functional, amount_group
    from (
        select
            control_id, legal_entity_id, fiscal_period_id,
            coalesce(sum(row_count) filter (where outcome = 'matched'), 0) as rows_matched,
            coalesce(sum(row_count) filter (where outcome = 'within'), 0) as rows_within_tolerance,
            coalesce(sum(row_count) filter (where outcome = 'failed'), 0) as rows_failed,
            coalesce(sum(amount_functional), 0) as amount_functional, coalesce(sum(amount_group), 0) as amount_group
        from (
            select *, null as amount_functional, null as amount_group from passing where row_count > 0
            union all
            select control_id, legal_entity_id, fiscal_period_id, 'failed', 1, amount_functional, amount_group from failing
        ) group by all
    ) as counted
    left join entity on entity.legal_entity_id = counted.legal_entity_id
    union all
    select 'C26', 'ALL', 'ALL', 'not_applicable', 0, 0, 0, 0, null, 0, 0
    order by all
) to '${target}/mart_control_results.parquet' (format parquet, compression zstd);

copy (
    select
        md5(concat_ws('|', control_id, failing.legal_entity_id, business_key, aspect)) as exception_id, control_id,
        failing.legal_entity_id, fiscal_period_id,
        case when coalesce(amount_group, 0) >= 1000000 then 'critical' when amount_group >= 25000 then 'high'
            when amount_group >= 1000 then 'medium' else 'low' end as severity,
        case
            when reason_code in ('balance_without_lines', 'invoice_without_order', 'receipt_without_order', 'actual_without_budget',
                'posting_without_invoice', 'balance_without_documents', 'posting_without_order',
                'posting_without_item', 'posting_without_supplier', 'nothing_open', 'unknown_order',
                'not_budgeted', 'not_loaded') then 'missing_left'
            when reason_code in ('lines_without_balance', 'invoiced_not_received', 'not_posted', 'unmapped_code', 'missing_rate',
                'receipt_not_accrued', 'invoice_not_cleared', 'item_without_posting', 'not_committed',
                'not_published', 'not_approved')
                then 'missing_right'
            when reason_code in ('over_invoiced', 'short_receipt', 'over_receipt', 'rejected_goods', 'unit_differs') then 'quantity'
            when reason_code in ('after_close', 'period_differs', 'date_outside_calendar', 'not_invoiced_in_time') then 'period'
            when reason_code in ('coding_differs', 'blocked_code', 'expired_code', 'attribute_differs') then 'account_coding'
            when reason_code = 'price_differs' then 'price'
            when reason_code = 'tax_differs' then 'tax'
            when reason_code = 'currency_differs' then 'currency'
            when reason_code in ('posted_twice', 'same_number', 'same_amount', 'order_line_twice', 'double_count') then 'duplicate'
            when reason_code in ('ambiguous_code', 'currency_ambiguous', 'several_candidates', 'supplier_duplicate') then 'ambiguous'
            else 'amount'
        end as status,
        reason_code, aspect, business_key, left_system, right_system, currency_code, left_amount, right_amount, difference_amount,
        quantity_difference, entity.functional_currency, amount_functional, amount_group, supplier_id, account_id, cost_center_id,
        cell_id, document_date
    from failing left join entity on entity.legal_entity_id = failing.legal_entity_id
    order by control_id, failing.legal_entity_id, business_key, aspect
) to '${target}/mart_exceptions.parquet' (format parquet, compression zstd);
