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

-- 4. one row per order line, dated by the latest day on which anything about it happens or falls due
collected as (

    select
        orders.*,
        relief_points.policy_value as relief_point,
        orders.fiscal_period_id as order_fiscal_period_id,
        receipts.receipt_system,
        invoices.invoice_system,
        coalesce(receipts.receipt_count, 0) as receipt_count,
        coalesce(receipts.quantity_received, 0) as quantity_received,
        coalesce(receipts.amount_received_txn, 0) as amount_received_txn,
        coalesce(receipts.quantity_rejected, 0) as quantity_rejected,
        receipts.received_on,
        receipts.rejected_on,
        coalesce(invoices.invoice_count, 0) as invoice_count,
        coalesce(invoices.quantity_invoiced, 0) as quantity_invoiced,
        coalesce(invoices.amount_net_invoiced_txn, 0) as amount_net_invoiced_txn,
        coalesce(invoices.amount_tax_invoiced_txn, 0) as amount_tax_invoiced_txn,
        invoices.invoiced_on,
        coalesce(invoices.quantity_invoiced_due, 0) as quantity_invoiced_due,
        coalesce(invoices.amount_net_invoiced_due_txn, 0) as amount_net_invoiced_due_txn,
        invoices.invoiced_due_on,
        greatest(receipts.other_unit_on, invoices.other_unit_on) as other_unit_on,
        coalesce(invoices.other_unit, receipts.other_unit) as other_unit,
        invoices.other_currency_on,
        invoices.other_currency,
        invoices.other_currency_functional,
        invoices.other_currency_group,
        receipts.quantity_after_close,
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
        collected.record_key,
        collected.source_system,
        collected.order_no,
        collected.line_no,
        collected.legal_entity_id,
        coalesce(activity.fiscal_period_id, 'UNMAPPED') as fiscal_period_id,
        collected.order_fiscal_period_id,
        collected.supplier_id,
        collected.cost_center_id,
        collected.account_id,
        collected.project_id,
        collected.segment_1,
        collected.segment_2,
        collected.segment_3,
        collected.segment_4,
        collected.segment_5,
        collected.segment_6,
        collected.line_type,
        collected.line_status,
        collected.relief_point,
        collected.order_date,
        collected.approved_on,
        collected.due_on,
        collected.closed_on,
        collected.currency_code,
        collected.unit_code,
        collected.unit_price,
        coalesce(
            cast(collected.unit_price as numeric(28,10)),
            {{ unit_quotient('collected.amount_net_txn', 'collected.quantity') }}
        ) as order_price,
        collected.quantity as quantity_ordered,
        collected.amount_net_txn,
        coalesce(collected.amount_tax_txn, 0) as amount_tax_txn,
        collected.amount_txn,
        collected.amount_functional,
        collected.amount_group,
        collected.rate_functional,
        collected.rate_group,
        collected.receipt_system,
        collected.invoice_system,
        collected.receipt_count,
        collected.quantity_received,
        collected.amount_received_txn,
        collected.quantity_rejected,
        collected.received_on,
        collected.rejected_on,
        collected.invoice_count,
        collected.quantity_invoiced,
        collected.amount_net_invoiced_txn,
        collected.amount_tax_invoiced_txn,
        {{ pro_rata('coalesce(collected.amount_tax_txn, 0)', 'collected.amount_net_invoiced_txn', 'collected.amount_net_txn') }}
            as amount_tax_expected_txn,
        collected.invoiced_on,
        collected.quantity_invoiced_due,
        collected.amount_net_invoiced_due_txn,
        collected.invoiced_due_on,
        collected.other_unit_on,
        collected.other_unit,
        collected.other_currency_on,
        collected.other_currency,
        collected.other_currency_functional,
        collected.other_currency_group,
        collected.quantity_after_close,
        collected.amount_received_after_close_txn,
        collected.amount_invoiced_after_close_txn,
        collected.after_close_on,
        collected.activity_on
    from collected
    left join {{ ref('int_entity_day') }} as activity
        on activity.legal_entity_id = collected.legal_entity_id and activity.period_day = collected.activity_on

)

{{ cast_to_contract('final') }}
