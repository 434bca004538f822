{{ config(materialized='incremental', incremental_strategy='scope_replace', on_schema_change='fail') }}

{#-
  The aspects under which an order line is compared. Each has
    compared    predicates: the aspect can be compared on the line
    differs     predicate: it does not hold, before tolerance (NULL counts as: it does not hold)
    left, right amounts in the order's currency, whose difference is judged; base: what the percentage of the tolerance is of
    dated       the day that attributes the comparison to a fiscal period
    tolerated   false where no tolerance applies
  Populations: `live` lines are those that were ever ordered. What arrived for other lines (a draft, a refused order) is looked at
  under the aspects of the goods only.
-#}
{%- set live = "lines.line_status in ('approved', 'issued', 'closed', 'cancelled')" %}
{%- set same_unit = "lines.other_unit_on is null" %}
{%- set same_currency = "lines.other_currency_on is null" %}
{%- set by_quantity = "lines.line_type = 'quantity'" %}
{%- set by_amount = "lines.line_type <> 'quantity'" %}
{%- set receipts_expected = "(" ~ ("true" if is_fed('receipt_line') else "false") ~ " and (lines.line_type = 'quantity' or lines.relief_point = 'receipt'))" %}
{%- set invoiced = "lines.invoice_count > 0" %}
{%- set received = "lines.receipt_count > 0" %}
{%- set is_short = "(case
            when lines.line_status in ('approved', 'issued')
                then coalesce(" ~ as_of() ~ " - lines.due_on > lines.receipt_lag_days, false)
            when lines.line_status = 'closed' then true
            else lines.line_status <> 'cancelled' and lines.receipt_count > 0
        end)" %}

{%- set aspects = [
    {
        'aspect': 'price', 'reason': 'price_differs', 'compared': [live, by_quantity, invoiced, same_unit, same_currency],
        'left': 'lines.invoiced_value_txn', 'right': 'lines.amount_net_invoiced_txn',
        'base': 'lines.invoiced_value_txn', 'dated': 'lines.invoiced_on',
    },
    {
        'aspect': 'quantity_invoiced', 'reason': 'over_invoiced', 'compared': [live, by_quantity, invoiced, same_unit],
        'differs': 'lines.quantity_invoiced > lines.quantity_ordered',
        'left': 'lines.ordered_value_txn', 'right': 'lines.invoiced_value_txn', 'quantity': 'lines.quantity_ordered - lines.quantity_invoiced',
        'base': 'lines.ordered_value_txn', 'dated': 'lines.invoiced_on',
    },
    {
        'aspect': 'quantity_invoiced', 'reason': 'over_invoiced', 'compared': [live, by_amount, invoiced, same_currency],
        'differs': 'lines.amount_net_invoiced_txn > lines.amount_net_txn',
        'left': 'lines.amount_net_txn', 'right': 'lines.amount_net_invoiced_txn',
        'base': 'lines.amount_net_txn', 'dated': 'lines.invoiced_on',
    },
    {
        'aspect': 'receipt_missing', 'reason': 'invoiced_not_received',
        'compared': [live, by_quantity, receipts_expected, 'lines.invoiced_due_on is not null', same_unit],
        'differs': 'lines.quantity_invoiced_due > lines.quantity_received',
        'left': 'lines.invoiced_due_value_txn', 'right': 'lines.received_value_txn', 'quantity': 'lines.quantity_invoiced_due - lines.quantity_received',
        'base': 'lines.ordered_value_txn', 'dated': 'lines.invoiced_due_on',
    },
    {
        'aspect': 'receipt_missing', 'reason': 'invoiced_not_received',
        'compared': [live, by_amount, receipts_expected, 'lines.invoiced_due_on is not null', same_unit, same_currency],
        'differs': 'lines.amount_net_invoiced_due_txn > lines.amount_received_txn',
        'left': 'lines.amount_net_invoiced_due_txn', 'right': 'lines.amount_received_txn',
        'base': 'lines.amount_net_txn', 'dated': 'lines.invoiced_due_on',
    },
    {
        'aspect': 'quantity_received', 'reason': 'short_receipt',
        'compared': [by_quantity, receipts_expected, same_unit, 'lines.quantity_received < lines.quantity_ordered', is_short],
        'left': 'lines.ordered_value_txn', 'right': 'lines.received_value_txn', 'quantity': 'lines.quantity_ordered - lines.quantity_received',
        'base': 'lines.ordered_value_txn',
        'dated': "case
            when lines.line_status in ('approved', 'issued') then lines.due_on
            when lines.line_status = 'closed' then coalesce(lines.closed_on, lines.received_on, lines.order_date)
            else lines.received_on
        end",
    },
    {
        'aspect': 'quantity_received', 'reason': 'over_receipt',
        'compared': [by_quantity, receipts_expected, same_unit, received, 'lines.quantity_received >= lines.quantity_ordered'],
        'left': 'lines.ordered_value_txn', 'right': 'lines.received_value_txn', 'quantity': 'lines.quantity_ordered - lines.quantity_received',
        'base': 'lines.ordered_value_txn', 'dated': 'lines.received_on',
    },
    {
        'aspect': 'quantity_received', 'reason': 'over_receipt', 'compared': [by_amount, receipts_expected, same_unit, received],
        'differs': 'lines.amount_received_txn > lines.amount_net_txn',
        'left': 'lines.amount_net_txn', 'right': 'lines.amount_received_txn',
        'base': 'lines.amount_net_txn', 'dated': 'lines.received_on',
    },
    {
        'aspect': 'rejected', 'reason': 'rejected_goods', 'compared': [received], 'tolerated': false,
        'differs': 'lines.quantity_rejected > 0',
        'left': 'lines.rejected_value_txn', 'right': '0', 'quantity': 'lines.quantity_rejected',
        'dated': 'coalesce(lines.rejected_on, lines.received_on)',
    },
    {
        'aspect': 'currency', 'reason': 'currency_differs', 'compared': [live, invoiced], 'tolerated': false,
        'differs': 'lines.other_currency_on is not null',
        'functional': 'lines.other_currency_functional', 'group': 'lines.other_currency_group',
        'dated': 'coalesce(lines.other_currency_on, lines.invoiced_on)',
    },
    {
        'aspect': 'unit', 'reason': 'unit_differs', 'tolerated': false,
        'compared': [live, 'lines.receipt_count + lines.invoice_count > 0', 'lines.unit_code is not null'],
        'differs': 'lines.other_unit_on is not null',
        'functional': 'lines.amount_functional', 'group': 'lines.amount_group',
        'dated': 'coalesce(lines.other_unit_on, greatest(lines.received_on, lines.invoiced_on))',
    },
    {
        'aspect': 'tax', 'reason': 'tax_differs', 'compared': [live, invoiced, same_unit, same_currency, 'lines.amount_net_txn <> 0'],
        'left': 'lines.amount_tax_expected_txn', 'right': 'lines.amount_tax_invoiced_txn',
        'base': 'lines.amount_tax_expected_txn', 'dated': 'lines.invoiced_on',
    },
    {
        'aspect': 'close', 'reason': 'after_close', 'tolerated': false,
        'compared': ["lines.line_status in ('closed', 'cancelled')", 'lines.closed_on is not null',
                     'lines.receipt_count + lines.invoice_count > 0'],
        'differs': 'lines.after_close_on is not null',
        'left': '0', 'right': 'coalesce(lines.after_close_value_txn, 0)', 'dated': 'coalesce(lines.after_close_on, lines.closed_on)',
    },
] %}

-- 1. order lines with what has arrived for them
with stored as (

    select *
    from {{ ref('int_order_line') }} as stored
    where order_date <= {{ as_of() }} and {{ in_scope('stored') }}

),

tolerance_keys as (

    select distinct legal_entity_id, line_type as category, order_date as tolerance_date from stored

),

limits as (

    {{ tolerances('C07', 'tolerance_keys', aspects | map(attribute='aspect') | unique | list) }}

),

lines as not materialized (

    select
        stored.*,
        receipt_limits.lag_days as receipt_lag_days
    from stored
    left join limits as receipt_limits
        on receipt_limits.legal_entity_id = stored.legal_entity_id
        and receipt_limits.category = stored.line_type
        and receipt_limits.tolerance_date = stored.order_date
        and receipt_limits.aspect = 'quantity_received'

),

-- 2. one row per order line and aspect that can be compared
differences as (
    {%- for item in aspects %}

    select
        lines.record_key,
        lines.legal_entity_id,
        lines.line_type,
        lines.order_date,
        lines.rate_group,
        coalesce(lines.rate_functional, 1) as rate_functional,
        '{{ item.aspect }}' as aspect,
        '{{ item.reason }}' as reason_code,
        cast({{ item.left or 'null' }} as numeric(18,4)) as left_amount,
        cast({{ item.right or 'null' }} as numeric(18,4)) as right_amount,
        cast({{ item.base or '0' }} as numeric(18,4)) as base_amount,
        cast({{ item.quantity or 'null' }} as numeric(18,4)) as quantity_difference,
        cast({{ item.functional or 'null' }} as numeric(18,4)) as stated_functional,
        cast({{ item.group or 'null' }} as numeric(18,4)) as stated_group,
        {{ item.dated }} as dated_on,
        coalesce({{ item.differs or (item.left ~ ' <> ' ~ item.right) }}, true) as is_different,
        {% if item.tolerated is defined and not item.tolerated %}false{% else %}true{% endif %} as is_tolerated
    from lines
    where {{ item.compared | join(' and ') }}
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

-- 3. judged against the tolerance, dated in the entity's calendar
judged as (

    select
        differences.record_key,
        differences.legal_entity_id,
        coalesce(period.fiscal_period_id, 'UNMAPPED') as fiscal_period_id,
        differences.aspect,
        case
            when not differences.is_different then null
            when not differences.is_tolerated then differences.reason_code
            when {{ is_within(
                valued('differences.left_amount - differences.right_amount', 'differences.rate_functional'),
                valued('differences.base_amount', 'differences.rate_functional'),
                'limits'
            ) }} then null
            else differences.reason_code
        end as reason_code,
        not differences.is_different as is_equal,
        differences.left_amount,
        differences.right_amount,
        differences.left_amount - differences.right_amount as difference_amount,
        differences.quantity_difference,
        case when differences.is_different then coalesce(
            differences.stated_functional,
            cast({{ valued('differences.left_amount - differences.right_amount', 'differences.rate_functional') }} as numeric(18,4))
        ) else 0 end as amount_functional,
        case when differences.is_different then coalesce(
            differences.stated_group,
            cast({{ valued('differences.left_amount - differences.right_amount', 'differences.rate_group') }} as numeric(18,4))
        ) else 0 end as amount_group
    from differences
    inner join limits
        on limits.legal_entity_id = differences.legal_entity_id
        and limits.category = differences.line_type
        and limits.tolerance_date = differences.order_date
        and limits.aspect = differences.aspect
    left join {{ ref('int_entity_day') }} as period
        on period.legal_entity_id = differences.legal_entity_id and period.period_day = differences.dated_on

),

gathered as (

    {{ gather('judged', ['record_key'], ['left_amount', 'right_amount', 'difference_amount', 'quantity_difference']) }}

),

-- 4. what fails, in words and with its coding
compared_lines as (

    select
        gathered.legal_entity_id,
        gathered.fiscal_period_id,
        gathered.reason_code,
        gathered.is_equal,
        gathered.aspect,
        lines.source_system || '|' || lines.order_no || '|' || cast(lines.line_no as varchar) as business_key,
        gathered.row_count,
        case when gathered.aspect = 'receipt_missing' then lines.invoice_system else lines.source_system end as left_system,
        case
            when gathered.aspect in ('receipt_missing', 'quantity_received', 'rejected') then lines.receipt_system
            when gathered.aspect in ('unit', 'close') then coalesce(lines.receipt_system, lines.invoice_system)
            else lines.invoice_system
        end as right_system,
        case gathered.aspect
            when 'price' then cast(lines.unit_price as varchar)
            when 'currency' then lines.currency_code
            when 'unit' then lines.unit_code
            when 'close' then cast(lines.closed_on as varchar)
            else cast(gathered.left_amount as varchar)
        end as left_value,
        case gathered.aspect
            when 'currency' then lines.other_currency
            when 'unit' then lines.other_unit
            when 'close' then cast(lines.after_close_on as varchar)
            else cast(gathered.right_amount as varchar)
        end as right_value,
        gathered.left_amount,
        gathered.right_amount,
        gathered.difference_amount,
        lines.currency_code,
        gathered.amount_functional,
        gathered.amount_group,
        gathered.quantity_difference,
        lines.supplier_id,
        lines.account_id,
        lines.cost_center_id,
        case when gathered.record_key is not null then {{ cell_id(
            'lines.legal_entity_id', control_cost_center('lines'), control_account('lines'), 'lines.project_id', 'lines'
        ) }} end as cell_id,
        lines.order_date as document_date,
        'Order ' || lines.order_no || ' line ' || cast(lines.line_no as varchar) || ': '
        || case gathered.reason_code
            when 'price_differs' then
                {{ words('lines.quantity_invoiced') }} || ' invoiced for ' || {{ words('gathered.right_amount') }}
                || ', at the order price of ' || {{ words('lines.unit_price') }} || ' it is ' || {{ words('gathered.left_amount') }}
            when 'over_invoiced' then
                'ordered ' || case when lines.line_type = 'quantity' then {{ words('lines.quantity_ordered') }} else 'for '
                || {{ words('gathered.left_amount') }} end || ', invoiced '
                || case when lines.line_type = 'quantity' then {{ words('lines.quantity_invoiced') }} else 'for '
                || {{ words('gathered.right_amount') }} end
            when 'invoiced_not_received' then
                'invoiced ' || case when lines.line_type = 'quantity' then {{ words('lines.quantity_invoiced_due') }} else 'for '
                || {{ words('gathered.left_amount') }} end || ' by ' || {{ words('lines.invoiced_due_on') }} || ', received '
                || case when lines.line_type = 'quantity' then {{ words('lines.quantity_received') }} else 'for '
                || {{ words('gathered.right_amount') }} end
            when 'short_receipt' then
                'ordered ' || {{ words('lines.quantity_ordered') }} || ', due ' || {{ words('lines.due_on', 'on no date') }}
                || ', received ' || {{ words('lines.quantity_received') }}
            when 'over_receipt' then
                'ordered ' || case when lines.line_type = 'quantity' then {{ words('lines.quantity_ordered') }} else 'for '
                || {{ words('gathered.left_amount') }} end || ', received '
                || case when lines.line_type = 'quantity' then {{ words('lines.quantity_received') }} else 'for '
                || {{ words('gathered.right_amount') }} end
            when 'rejected_goods' then
                'of ' || {{ words('lines.quantity_received') }} || ' received, ' || {{ words('lines.quantity_rejected') }}
                || ' were rejected'
            when 'currency_differs' then 'ordered in ' || lines.currency_code || ', invoiced in ' || {{ words('lines.other_currency') }}
            when 'unit_differs' then
                'ordered in ' || lines.unit_code || ', received or invoiced in ' || {{ words('lines.other_unit') }}
            when 'tax_differs' then
                'tax of ' || {{ words('gathered.left_amount') }} || ' was ordered for what is invoiced, '
                || {{ words('gathered.right_amount') }} || ' is invoiced'
            else
                'closed on ' || {{ words('lines.closed_on') }} || ', received or invoiced until ' || {{ words('lines.after_close_on') }}
        end || ' (' || lines.currency_code || ').' as message
    from gathered
    left join {{ ref('int_order_line') }} as lines on lines.record_key = gathered.record_key
    {{ control_level_joins('lines') }}

),
{%- for side in [
    {'cte': 'invoices_without_order', 'documents': 'fct_invoice_line', 'statuses': "'approved'", 'aspect': 'order_of_invoice',
     'reason': 'invoice_without_order', 'number': 'invoice_no', 'word': 'Invoice'},
    {'cte': 'receipts_without_order', 'documents': 'fct_receipt_line', 'statuses': "'posted'", 'aspect': 'order_of_receipt',
     'reason': 'receipt_without_order', 'number': 'receipt_no', 'word': 'Receipt'},
] %}

{#- Documents that name an order line which does not exist; all documents of such a line together. #}
{{ side.cte }} as (

    select
        min(documents.legal_entity_id collate "C") as legal_entity_id,
        documents.source_system,
        documents.order_no,
        documents.order_line_no,
        max(documents.posting_date) as dated_on,
        min(documents.{{ side.number }} collate "C") as document_no,
        min(documents.supplier_id collate "C") as supplier_id,
        min(documents.currency_code collate "C") as currency_code,
        sum(documents.amount_txn) as amount_txn,
        sum(documents.quantity) as quantity,
        {%- if side.documents == 'fct_invoice_line' %}
        min(documents.account_id collate "C") as account_id,
        min(documents.cost_center_id collate "C") as cost_center_id,
        sum(documents.amount_functional) as amount_functional,
        sum(documents.amount_group) as amount_group
        {%- else %}
        cast(null as varchar) as account_id,
        cast(null as varchar) as cost_center_id,
        cast(null as numeric(28,4)) as amount_functional,
        cast(null as numeric(28,4)) as amount_group
        {%- endif %}
    from {{ ref(side.documents) }} as documents
    where not documents.is_deleted
        and documents.line_status = {{ side.statuses }}
        and documents.order_no is not null
        and documents.posting_date <= {{ as_of() }}
        and not exists (
            select 1 from {{ ref('fct_purchase_order_line') }} as orders
            where orders.source_system = {{ order_system('documents') }}
                and orders.order_no = documents.order_no
                and orders.line_no = documents.order_line_no
                and not orders.is_deleted
        )
    group by documents.source_system, documents.order_no, documents.order_line_no

),

compared_{{ side.cte }} as (

    select
        documents.legal_entity_id,
        coalesce(period.fiscal_period_id, 'UNMAPPED') as fiscal_period_id,
        '{{ side.reason }}' as reason_code,
        false as is_equal,
        '{{ side.aspect }}' as aspect,
        documents.source_system || '|' || documents.order_no || '|'
        || coalesce(cast(documents.order_line_no as varchar), 'NONE') as business_key,
        1 as row_count,
        cast(null as varchar) as left_system,
        documents.source_system as right_system,
        cast(null as varchar) as left_value,
        documents.document_no as right_value,
        cast(null as numeric(28,4)) as left_amount,
        cast(documents.amount_txn as numeric(28,4)) as right_amount,
        cast(-documents.amount_txn as numeric(28,4)) as difference_amount,
        documents.currency_code,
        cast(documents.amount_functional as numeric(28,4)) as amount_functional,
        cast(documents.amount_group as numeric(28,4)) as amount_group,
        cast(-documents.quantity as numeric(28,4)) as quantity_difference,
        documents.supplier_id,
        documents.account_id,
        documents.cost_center_id,
        cast(null as varchar) as cell_id,
        documents.dated_on as document_date,
        '{{ side.word }} ' || documents.document_no || ' names order ' || documents.order_no || ' line '
        || coalesce(cast(documents.order_line_no as varchar), '(none)') || ', which does not exist.' as message
    from {{ side.cte }} as documents
    left join {{ ref('int_entity_day') }} as period
        on period.legal_entity_id = documents.legal_entity_id and period.period_day = documents.dated_on

),
{%- endfor %}

compared as (

    select * from compared_lines
    union all
    select * from compared_invoices_without_order
    union all
    select * from compared_receipts_without_order

),

final as (

    {{ control_result('C07', is_gathered=true) }}

)

{{ cast_to_contract('final') }}
