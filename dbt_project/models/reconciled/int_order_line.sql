{{ config(materialized='incremental', incremental_strategy='scope_replace', unique_key='record_key', on_schema_change='fail') }}

-- 1. order lines; in a later build those of which something lies in a period that is rebuilt
with orders as (

    select *
    from {{ ref('fct_purchase_order_line') }}
    where not is_deleted
    {%- if is_incremental() %}
    and record_key in (
        {{ touched_order_lines(this) }}
    )
    {%- endif %}

),

policy_keys as (

    select distinct legal_entity_id, line_type, order_date as policy_date from orders

),

relief_points as (

    {{ policy_values('relief_point', 'policy_keys', default_relief_point()) }}

),

tolerance_keys as (

    select distinct legal_entity_id, line_type as category, order_date as tolerance_date from orders

),

lags as (

    {{ tolerances('C07', 'tolerance_keys', ['receipt_missing']) }}

),

-- 2. receipts per order line. Documents dated after the business date do not count yet.
receipts as (

    select
        orders.record_key,
        min(receipts.source_system) as receipt_system,
        count(*) as receipt_count,
        sum(receipts.quantity) as quantity_received,
        sum({{ receipt_part('receipts', 'orders', is_measured_by_quantity('orders')) }}) as arrived,
        sum(receipts.amount_txn) as amount_received_txn,
        sum(receipts.quantity_rejected) as quantity_rejected,
        max(receipts.posting_date) as received_on,
        max(case when receipts.quantity_rejected > 0 then receipts.posting_date end) as rejected_on,
        max(case when receipts.unit_code <> orders.unit_code then receipts.posting_date end) as other_unit_on,
        max(case when receipts.unit_code <> orders.unit_code then receipts.unit_code end) as other_unit,
        sum(case
            when receipts.posting_date > orders.closed_on and receipts.quantity > 0 then receipts.quantity
        end) as quantity_after_close,
        sum(case
            when receipts.posting_date > orders.closed_on and receipts.amount_txn > 0 then receipts.amount_txn
        end) as amount_after_close_txn,
        max(case
            when receipts.posting_date > orders.closed_on and (receipts.quantity > 0 or receipts.amount_txn > 0)
                then receipts.posting_date
        end) as after_close_on
    from {{ ref('fct_receipt_line') }} as receipts
    inner join orders
        on orders.source_system = {{ order_system('receipts') }}
        and orders.order_no = receipts.order_no
        and orders.line_no = receipts.order_line_no
    where not receipts.is_deleted and receipts.line_status = 'posted' and receipts.posting_date <= {{ as_of() }}
    group by orders.record_key

),

-- 3. approved invoices and credit memos per order line; `due` ones are so old that the receipt should be there
invoices as (

    select
        orders.record_key,
        min(invoices.source_system) as invoice_system,
        count(*) as invoice_count,
        sum(invoices.quantity) as quantity_invoiced,
        sum({{ invoice_part('invoices', 'orders', is_measured_by_quantity('orders')) }}) as arrived,
        sum(invoices.amount_net_txn) as amount_net_invoiced_txn,
        sum(invoices.amount_tax_txn) as amount_tax_invoiced_txn,
        max(invoices.posting_date) as invoiced_on,
        sum(case
            when invoices.quantity < 0 then invoices.quantity
            when {{ as_of() }} - invoices.posting_date > lags.lag_days then invoices.quantity
        end) as quantity_invoiced_due,
        sum(case
            when invoices.amount_net_txn < 0 then invoices.amount_net_txn
            when {{ as_of() }} - invoices.posting_date > lags.lag_days then invoices.amount_net_txn
        end) as amount_net_invoiced_due_txn,
        max(case
            when {{ as_of() }} - invoices.posting_date > lags.lag_days and invoices.amount_net_txn > 0
                then invoices.posting_date
        end) as invoiced_due_on,
        max(case when invoices.unit_code <> orders.unit_code then invoices.posting_date end) as other_unit_on,
        max(case when invoices.unit_code <> orders.unit_code then invoices.unit_code end) as other_unit,
        max(case when invoices.currency_code <> orders.currency_code then invoices.posting_date end) as other_currency_on,
        max(case when invoices.currency_code <> orders.currency_code then invoices.currency_code end) as other_currency,
        sum(case when invoices.currency_code <> orders.currency_code then abs(invoices.amount_functional) end)
            as other_currency_functional,
        sum(case when invoices.currency_code <> orders.currency_code then abs(invoices.amount_group) end)
            as other_currency_group,
        sum(case
            when invoices.posting_date > orders.closed_on and invoices.amount_net_txn > 0 then invoices.amount_net_txn
        end) as amount_after_close_txn,
        max(case
            when invoices.posting_date > orders.closed_on and (invoices.quantity > 0 or invoices.amount_net_txn > 0)
                then invoices.posting_date
        end) as after_close_on
    from {{ ref('fct_invoice_line') }} as invoices
    inner join orders
        on orders.source_system = {{ order_system('invoices') }}
        and orders.order_no = invoices.order_no
        and orders.line_no = invoices.order_line_no
    left join lags
        on lags.legal_entity_id = orders.legal_entity_id
        and lags.category = orders.line_type
        and lags.tolerance_date = orders.order_date
    where not invoices.is_deleted and invoices.line_status = 'approved' and invoices.posting_date <= {{ as_of() }}
    group by orders.record_key

),

-- 4. one row per order line, its quantities valued at the order's price, dated by the latest day on which anything about it happens or falls due
collected as (

    select
        orders.*,
        relief_points.policy_value as relief_point,
        orders.fiscal_period_id as order_fiscal_period_id,
        receipts.receipt_system,
        invoices.invoice_system,
        coalesce(receipts.receipt_count, 0) as receipt_count,
        cast(coalesce(receipts.quantity_received, 0) as numeric(18,4)) as quantity_received,
        cast(coalesce(receipts.amount_received_txn, 0) as numeric(18,4)) as amount_received_txn,
        cast(coalesce(receipts.quantity_rejected, 0) as numeric(18,4)) as quantity_rejected,
        receipts.received_on,
        receipts.rejected_on,
        cast(coalesce(case when relief_points.policy_value = 'receipt' then receipts.arrived else invoices.arrived end, 0) as numeric(18,4))
            as arrived,
        coalesce(invoices.invoice_count, 0) as invoice_count,
        cast(coalesce(invoices.quantity_invoiced, 0) as numeric(18,4)) as quantity_invoiced,
        cast(coalesce(invoices.amount_net_invoiced_txn, 0) as numeric(18,4)) as amount_net_invoiced_txn,
        cast(coalesce(invoices.amount_tax_invoiced_txn, 0) as numeric(18,4)) as amount_tax_invoiced_txn,
        invoices.invoiced_on,
        cast(coalesce(invoices.quantity_invoiced_due, 0) as numeric(18,4)) as quantity_invoiced_due,
        cast(coalesce(invoices.amount_net_invoiced_due_txn, 0) as numeric(18,4)) as amount_net_invoiced_due_txn,
        invoices.invoiced_due_on,
        greatest(receipts.other_unit_on, invoices.other_unit_on) as other_unit_on,
        coalesce(invoices.other_unit, receipts.other_unit) as other_unit,
        invoices.other_currency_on,
        invoices.other_currency,
        invoices.other_currency_functional,
        invoices.other_currency_group,
        cast(receipts.quantity_after_close as numeric(18,4)) as quantity_after_close,
        receipts.amount_after_close_txn as amount_received_after_close_txn,
        invoices.amount_after_close_txn as amount_invoiced_after_close_txn,
        greatest(receipts.after_close_on, invoices.after_close_on) as after_close_on,
        greatest(
            orders.order_date, orders.approved_on, orders.due_on, orders.closed_on,
            receipts.received_on, invoices.invoiced_on
        ) as activity_on
    from orders
    left join relief_points
        on relief_points.legal_entity_id = orders.legal_entity_id
        and relief_points.line_type = orders.line_type
        and relief_points.policy_date = orders.order_date
    left join receipts on receipts.record_key = orders.record_key
    left join invoices on invoices.record_key = orders.record_key

),

final as (

    select
        lines.record_key,
        lines.source_system,
        lines.order_no,
        lines.line_no,
        lines.legal_entity_id,
        coalesce(activity.fiscal_period_id, 'UNMAPPED') as fiscal_period_id,
        lines.order_fiscal_period_id,
        lines.supplier_id,
        lines.cost_center_id,
        lines.account_id,
        lines.project_id,
        lines.segment_1,
        lines.segment_2,
        lines.segment_3,
        lines.segment_4,
        lines.segment_5,
        lines.segment_6,
        lines.line_type,
        lines.line_status,
        lines.relief_point,
        lines.order_date,
        lines.approved_on,
        lines.due_on,
        lines.closed_on,
        lines.currency_code,
        lines.unit_code,
        lines.unit_price,
        lines.quantity as quantity_ordered,
        lines.amount_net_txn,
        coalesce(lines.amount_tax_txn, 0) as amount_tax_txn,
        lines.amount_txn,
        lines.amount_functional,
        lines.amount_group,
        lines.rate_functional,
        lines.rate_group,
        lines.receipt_system,
        lines.invoice_system,
        lines.receipt_count,
        lines.quantity_received,
        lines.amount_received_txn,
        lines.quantity_rejected,
        lines.received_on,
        lines.rejected_on,
        lines.invoice_count,
        lines.quantity_invoiced,
        lines.amount_net_invoiced_txn,
        lines.amount_tax_invoiced_txn,
        {{ pro_rata('coalesce(lines.amount_tax_txn, 0)', 'lines.amount_net_invoiced_txn', 'lines.amount_net_txn') }}
            as amount_tax_expected_txn,
        lines.invoiced_on,
        lines.quantity_invoiced_due,
        lines.amount_net_invoiced_due_txn,
        lines.invoiced_due_on,
        lines.other_unit_on,
        lines.other_unit,
        lines.other_currency_on,
        lines.other_currency,
        lines.other_currency_functional,
        lines.other_currency_group,
        {{ at_order_price('lines.quantity') }} as ordered_value_txn,
        {{ at_order_price('lines.quantity_received') }} as received_value_txn,
        {{ at_order_price('lines.quantity_rejected') }} as rejected_value_txn,
        {{ at_order_price('lines.quantity_invoiced') }} as invoiced_value_txn,
        {{ at_order_price('lines.quantity_invoiced_due') }} as invoiced_due_value_txn,
        greatest(
            lines.amount_invoiced_after_close_txn,
            case
                when lines.line_type = 'quantity' then {{ at_order_price('lines.quantity_after_close') }}
                else lines.amount_received_after_close_txn
            end
        ) as after_close_value_txn,
        lines.after_close_on,
        lines.arrived,
        lines.activity_on
    from collected as lines
    left join {{ ref('int_entity_day') }} as activity
        on activity.legal_entity_id = lines.legal_entity_id and activity.period_day = lines.activity_on

)

{{ cast_to_contract('final') }}
