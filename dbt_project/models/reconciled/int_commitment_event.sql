{{ config(materialized='incremental', incremental_strategy='scope_replace', on_schema_change='fail') }}

-- 1. order lines that were ever approved, and until when documents relieve them
with orders as (

    select
        orders.record_key,
        orders.source_system,
        orders.order_no,
        orders.line_no,
        orders.line_type,
        orders.legal_entity_id,
        orders.order_date,
        orders.closed_on,
        orders.currency_code,
        orders.quantity,
        orders.amount_net_txn,
        orders.amount_txn,
        orders.amount_functional,
        orders.amount_group,
        case
            when orders.line_status in ('approved', 'issued', 'closed') then coalesce(orders.approved_on, orders.order_date)
            when orders.line_status in ('cancelled', 'rejected') then orders.approved_on
        end as begins_on,
        orders.line_status in ('closed', 'cancelled', 'rejected') as is_ended,
        -- what the relieving documents are measured against: the quantity, or the net value of an amount line
        case
            when orders.line_type = 'quantity' and coalesce(orders.quantity, 0) <> 0 then orders.quantity
            else orders.amount_net_txn
        end as whole,
        orders.line_type = 'quantity' and coalesce(orders.quantity, 0) <> 0 as is_quantity,
        coalesce(currency.minor_units, 4) as minor_units
    from {{ ref('fct_purchase_order_line') }} as orders
    left join {{ ref('dim_currency') }} as currency on currency.currency_code = orders.currency_code
    where not orders.is_deleted
    {%- if is_incremental() %}
        and orders.record_key in (
            {{ touched_order_lines() }}
        )
    {%- endif %}

),

policy_keys as (

    select distinct legal_entity_id, line_type, order_date as policy_date from orders

),

relief_points as (

    {{ policy_values('relief_point', 'policy_keys', default_relief_point()) }}

),

-- 2. relieving documents: receipts or approved invoices, as the policy of entity and line type says. A document that states no
--    quantity counts as its share of the line's net value.
documents as (

    select
        orders.record_key,
        receipts.record_key as document_key,
        receipts.posting_date as document_on,
        case
            when orders.is_quantity then coalesce(
                receipts.quantity, {{ pro_rata('orders.quantity', 'receipts.amount_txn', 'orders.amount_net_txn') }}
            )
            when coalesce(receipts.currency_code, orders.currency_code) = orders.currency_code then receipts.amount_txn
        end as part
    from {{ ref('fct_receipt_line') }} as receipts
    inner join orders
        on orders.source_system = {{ order_system('receipts') }}
        and orders.order_no = receipts.order_no
        and orders.line_no = receipts.order_line_no
    inner join relief_points
        on relief_points.legal_entity_id = orders.legal_entity_id
        and relief_points.line_type = orders.line_type
        and relief_points.policy_date = orders.order_date
        and relief_points.policy_value = 'receipt'
    where not receipts.is_deleted and receipts.line_status = 'posted'

    union all

    select
        orders.record_key,
        invoices.record_key as document_key,
        invoices.posting_date as document_on,
        case
            when orders.is_quantity then coalesce(
                invoices.quantity, {{ pro_rata('orders.quantity', 'invoices.amount_net_txn', 'orders.amount_net_txn') }}
            )
            when invoices.currency_code = orders.currency_code then invoices.amount_net_txn
            -- in another currency: its functional value at the order's own rate
            else {{ pro_rata('orders.amount_txn', 'invoices.amount_functional', 'orders.amount_functional') }}
        end as part
    from {{ ref('fct_invoice_line') }} as invoices
    inner join orders
        on orders.source_system = {{ order_system('invoices') }}
        and orders.order_no = invoices.order_no
        and orders.line_no = invoices.order_line_no
    inner join relief_points
        on relief_points.legal_entity_id = orders.legal_entity_id
        and relief_points.line_type = orders.line_type
        and relief_points.policy_date = orders.order_date
        and relief_points.policy_value = 'invoice'
    where not invoices.is_deleted and invoices.line_status = 'approved'

),

-- 3. when a line ends. One that does not say ended with the last that came for it.
last_documents as (

    select record_key, max(document_on) as document_on from documents group by record_key

),

lines as (

    select
        orders.*,
        case when orders.is_ended then greatest(
            orders.begins_on, coalesce(orders.closed_on, last_documents.document_on, orders.begins_on)
        ) end as ends_on
    from orders
    left join last_documents on last_documents.record_key = orders.record_key
    where orders.begins_on is not null

),

-- 4. what has come up to each document, never less than nothing and never more than was ordered. Returns and credit memos are
--    negative and bring the commitment back. What comes after the end relieves nothing.
running as (

    select
        lines.record_key,
        documents.document_key,
        greatest(documents.document_on, lines.begins_on) as event_on,
        documents.part,
        sum(documents.part) over (
            partition by lines.record_key
            order by documents.document_on, documents.document_key collate "C"
            rows between unbounded preceding and current row
        ) as came
    from documents
    inner join lines on lines.record_key = documents.record_key
    where documents.part <> 0 and (lines.ends_on is null or documents.document_on <= lines.ends_on)

),

steps as (

    select
        running.record_key,
        running.document_key,
        running.event_on,
        cast(case
            when lines.whole >= 0 then least(greatest(running.came, 0), lines.whole)
            else greatest(least(running.came, 0), lines.whole)
        end as numeric(18,4)) as done,
        cast(case
            when lines.whole >= 0 then least(greatest(running.came - running.part, 0), lines.whole)
            else greatest(least(running.came - running.part, 0), lines.whole)
        end as numeric(18,4)) as done_before,
        lines.whole,
        lines.amount_txn,
        lines.amount_functional,
        lines.amount_group,
        {{ relief_digits('lines.amount_txn', 'lines.minor_units') }} as digits
    from running
    inner join lines on lines.record_key = running.record_key

),

-- 5. relief at the order's price: the difference of what was relieved after and before, so that roundings fall to the last
relieved as materialized (

    select
        steps.record_key,
        steps.document_key,
        steps.event_on,
        steps.done - steps.done_before as quantity,
        {{ relieved_amount('steps.amount_txn', 'steps.done', 'steps.whole', 'steps.digits') }}
        - {{ relieved_amount('steps.amount_txn', 'steps.done_before', 'steps.whole', 'steps.digits') }} as amount_txn,
        {{ relieved_amount('steps.amount_functional', 'steps.done', 'steps.whole') }}
        - {{ relieved_amount('steps.amount_functional', 'steps.done_before', 'steps.whole') }} as amount_functional,
        {{ relieved_amount('steps.amount_group', 'steps.done', 'steps.whole') }}
        - {{ relieved_amount('steps.amount_group', 'steps.done_before', 'steps.whole') }} as amount_group
    from steps
    where steps.done <> steps.done_before

),

relieved_totals as (

    select
        record_key,
        sum(amount_txn) as amount_txn,
        sum(amount_functional) as amount_functional,
        sum(amount_group) as amount_group
    from relieved
    group by record_key

),

order_events as (

    select
        lines.record_key,
        'obligate' as event_type,
        lines.record_key as document_key,
        lines.begins_on as event_on,
        lines.amount_txn,
        lines.amount_functional,
        lines.amount_group
    from lines

    union all

    select
        relieved.record_key,
        case when (relieved.quantity < 0) = (lines.whole < 0) then 'relieve' else 'reinstate' end as event_type,
        relieved.document_key,
        relieved.event_on,
        -relieved.amount_txn as amount_txn,
        -relieved.amount_functional as amount_functional,
        -relieved.amount_group as amount_group
    from relieved
    inner join lines on lines.record_key = relieved.record_key

    union all

    select
        lines.record_key,
        'release' as event_type,
        lines.record_key as document_key,
        lines.ends_on as event_on,
        coalesce(relieved_totals.amount_txn, 0) - lines.amount_txn as amount_txn,
        coalesce(relieved_totals.amount_functional, 0) - lines.amount_functional as amount_functional,
        coalesce(relieved_totals.amount_group, 0) - lines.amount_group as amount_group
    from lines
    left join relieved_totals on relieved_totals.record_key = lines.record_key
    where lines.ends_on is not null
        and coalesce(relieved_totals.amount_txn, 0) <> lines.amount_txn

),

-- 6. requisition lines, reserved from approval until order lines are made of them
requisitions as (

    select
        requisitions.record_key,
        requisitions.source_system,
        requisitions.requisition_no,
        requisitions.line_no,
        requisitions.line_status,
        requisitions.legal_entity_id,
        requisitions.closed_on,
        requisitions.currency_code,
        requisitions.amount_txn,
        requisitions.amount_functional,
        requisitions.amount_group,
        case
            when requisitions.line_status in ('approved', 'ordered', 'closed')
                then coalesce(requisitions.approved_on, requisitions.requested_on)
            when requisitions.line_status in ('cancelled', 'rejected') then requisitions.approved_on
        end as begins_on,
        requisitions.line_status in ('closed', 'cancelled', 'rejected') as is_ended
    from {{ ref('fct_requisition_line') }} as requisitions
    where not requisitions.is_deleted
    {%- if is_incremental() %}
        and requisitions.record_key in (
            {{ touched_requisition_lines() }}
        )
    {%- endif %}

),

requisition_orders as (

    select
        requisitions.record_key,
        orders.record_key as document_key,
        greatest(orders.order_date, requisitions.begins_on) as event_on,
        case
            when orders.currency_code = requisitions.currency_code then orders.amount_txn
            else {{ pro_rata('requisitions.amount_txn', 'orders.amount_functional', 'requisitions.amount_functional') }}
        end as part
    from {{ ref('fct_purchase_order_line') }} as orders
    inner join requisitions
        on requisitions.source_system = orders.source_system
        and requisitions.requisition_no = orders.requisition_no
        and requisitions.line_no = orders.requisition_line_no
    where not orders.is_deleted
        and requisitions.begins_on is not null
        -- an order line stands in the place of the requisition from the day on which it is made of it, unless it came to nothing
        and (
            orders.line_status in ('pending', 'approved', 'issued', 'closed')
            or (orders.line_status = 'cancelled' and orders.approved_on is not null)
        )

),

last_orders as (

    select record_key, max(event_on) as event_on from requisition_orders group by record_key

),

requisition_lines as (

    select
        requisitions.*,
        case
            when requisitions.is_ended then greatest(
                requisitions.begins_on, coalesce(requisitions.closed_on, last_orders.event_on, requisitions.begins_on)
            )
            -- ordered in full: nothing is left to come, whatever the orders amount to
            when requisitions.line_status = 'ordered' then last_orders.event_on
        end as ends_on
    from requisitions
    left join last_orders on last_orders.record_key = requisitions.record_key
    where requisitions.begins_on is not null

),

requisition_running as (

    select
        requisition_lines.record_key,
        requisition_orders.document_key,
        requisition_orders.event_on,
        requisition_orders.part,
        sum(requisition_orders.part) over (
            partition by requisition_lines.record_key
            order by requisition_orders.event_on, requisition_orders.document_key collate "C"
            rows between unbounded preceding and current row
        ) as came,
        requisition_lines.amount_txn,
        requisition_lines.amount_functional,
        requisition_lines.amount_group
    from requisition_orders
    inner join requisition_lines on requisition_lines.record_key = requisition_orders.record_key
    where requisition_lines.ends_on is null or requisition_orders.event_on <= requisition_lines.ends_on

),

requisition_steps as (

    select
        record_key,
        document_key,
        event_on,
        amount_txn,
        amount_functional,
        amount_group,
        cast(least(greatest(came, 0), amount_txn) as numeric(18,4)) as done,
        cast(least(greatest(came - part, 0), amount_txn) as numeric(18,4)) as done_before
    from requisition_running

),

requisition_relieved as materialized (

    select
        record_key,
        document_key,
        event_on,
        done - done_before as amount_txn,
        {{ relieved_amount('amount_functional', 'done', 'amount_txn') }}
        - {{ relieved_amount('amount_functional', 'done_before', 'amount_txn') }} as amount_functional,
        {{ relieved_amount('amount_group', 'done', 'amount_txn') }}
        - {{ relieved_amount('amount_group', 'done_before', 'amount_txn') }} as amount_group
    from requisition_steps
    where done <> done_before

),

requisition_totals as (

    select
        record_key,
        sum(amount_txn) as amount_txn,
        sum(amount_functional) as amount_functional,
        sum(amount_group) as amount_group
    from requisition_relieved
    group by record_key

),

requisition_events as (

    select
        record_key,
        'reserve' as event_type,
        record_key as document_key,
        begins_on as event_on,
        amount_txn,
        amount_functional,
        amount_group
    from requisition_lines

    union all

    select
        record_key,
        'relieve' as event_type,
        document_key,
        event_on,
        -amount_txn as amount_txn,
        -amount_functional as amount_functional,
        -amount_group as amount_group
    from requisition_relieved

    union all

    select
        requisition_lines.record_key,
        'release' as event_type,
        requisition_lines.record_key as document_key,
        requisition_lines.ends_on as event_on,
        coalesce(requisition_totals.amount_txn, 0) - requisition_lines.amount_txn as amount_txn,
        coalesce(requisition_totals.amount_functional, 0) - requisition_lines.amount_functional as amount_functional,
        coalesce(requisition_totals.amount_group, 0) - requisition_lines.amount_group as amount_group
    from requisition_lines
    left join requisition_totals on requisition_totals.record_key = requisition_lines.record_key
    where requisition_lines.ends_on is not null
        and coalesce(requisition_totals.amount_txn, 0) <> requisition_lines.amount_txn

),

-- 7. in the fiscal period of their day
placed as (

    select 'encumbrance' as commitment_kind, lines.legal_entity_id, events.*
    from order_events as events
    inner join lines on lines.record_key = events.record_key

    union all

    select 'pre_encumbrance' as commitment_kind, lines.legal_entity_id, events.*
    from requisition_events as events
    inner join requisition_lines as lines on lines.record_key = events.record_key

),

final as (

    select
        placed.*,
        coalesce(period.fiscal_period_id, 'UNMAPPED') as fiscal_period_id
    from placed
    left join {{ ref('int_entity_day') }} as period
        on period.legal_entity_id = placed.legal_entity_id and period.period_day = placed.event_on

)

{{ cast_to_contract('final') }}
{%- if is_incremental() %}
where {{ in_scope('final') }}
{%- endif %}
