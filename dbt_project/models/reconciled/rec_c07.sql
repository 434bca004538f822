{{ config(materialized='incremental', incremental_strategy='scope_replace', on_schema_change='fail') }}

{#-
  The aspects under which an order line is compared. Each has
    compared    predicate: the aspect can be compared on the line
    differs     predicate: it does not hold, before tolerance (NULL counts as: it does not hold)
    difference  order less receipts or invoices, in the order's currency; base: what the percentage of the tolerance is of
    dated       the day that attributes the comparison to a fiscal period
    tolerated   false where no tolerance applies
  Populations: `live` lines are those that were ever ordered. What arrived for other lines (a draft, a refused order) is looked at
  under the aspects of the goods only.
-#}
{%- set live = "lines.line_status in ('approved', 'issued', 'closed', 'cancelled')" %}
{%- set same_unit = "lines.other_unit_on is null" %}
{%- set same_currency = "lines.other_currency_on is null" %}
{%- set is_quantity = "lines.line_type = 'quantity'" %}
{%- set receipts_expected = "(" ~ ("true" if is_fed('receipt_line') else "false") ~ " and (lines.line_type = 'quantity' or lines.relief_point = 'receipt'))" %}
{%- set invoiced = "lines.invoice_count > 0" %}
{%- set ordered_value = at_order_price('lines.quantity_ordered') %}
{%- set overdue = as_of() ~ " - lines.due_on > limits.lag_days" %}
{%- set is_short = "(case
            when lines.line_status in ('approved', 'issued') then coalesce(" ~ overdue ~ ", false)
            when lines.line_status = 'closed' then true
            else lines.line_status <> 'cancelled' and lines.receipt_count > 0
        end)" %}

{%- set aspects = [
    {
        'aspect': 'price', 'reason': "'price_differs'", 'right': 'lines.invoice_system',
        'compared': [live, is_quantity, invoiced, same_unit, same_currency],
        'left_amount': at_order_price('lines.quantity_invoiced'), 'right_amount': 'lines.amount_net_invoiced_txn',
        'base': at_order_price('lines.quantity_invoiced'), 'dated': 'lines.invoiced_on',
        'left_value': 'lines.unit_price', 'right_value': 'lines.quantity_invoiced',
        'text': ["'invoiced '", "lines.quantity_invoiced", "' for '", "lines.amount_net_invoiced_txn", "', at the order price it is '",
                 at_order_price('lines.quantity_invoiced')],
    },
    {
        'aspect': 'quantity_invoiced', 'reason': "'over_invoiced'", 'right': 'lines.invoice_system',
        'compared': [live, is_quantity, invoiced, same_unit],
        'differs': 'lines.quantity_invoiced > lines.quantity_ordered',
        'left_amount': ordered_value, 'right_amount': at_order_price('lines.quantity_invoiced'),
        'quantity': 'lines.quantity_ordered - lines.quantity_invoiced',
        'base': ordered_value, 'dated': 'lines.invoiced_on',
        'left_value': 'lines.quantity_ordered', 'right_value': 'lines.quantity_invoiced',
        'text': ["'ordered '", 'lines.quantity_ordered', "', invoiced '", 'lines.quantity_invoiced'],
    },
    {
        'aspect': 'quantity_invoiced', 'reason': "'over_invoiced'", 'right': 'lines.invoice_system',
        'compared': [live, "not " ~ is_quantity, invoiced, same_currency],
        'differs': 'lines.amount_net_invoiced_txn > lines.amount_net_txn',
        'left_amount': 'lines.amount_net_txn', 'right_amount': 'lines.amount_net_invoiced_txn',
        'base': 'lines.amount_net_txn', 'dated': 'lines.invoiced_on',
        'left_value': 'lines.amount_net_txn', 'right_value': 'lines.amount_net_invoiced_txn',
        'text': ["'ordered for '", 'lines.amount_net_txn', "', invoiced for '", 'lines.amount_net_invoiced_txn'],
    },
    {
        'aspect': 'receipt_missing', 'reason': "'invoiced_not_received'", 'right': 'lines.receipt_system', 'left': 'lines.invoice_system',
        'compared': [live, is_quantity, receipts_expected, 'lines.invoiced_due_on is not null', same_unit],
        'differs': 'lines.quantity_invoiced_due > lines.quantity_received',
        'left_amount': at_order_price('lines.quantity_invoiced_due'), 'right_amount': at_order_price('lines.quantity_received'),
        'quantity': 'lines.quantity_invoiced_due - lines.quantity_received',
        'base': ordered_value, 'dated': 'lines.invoiced_due_on',
        'left_value': 'lines.quantity_invoiced_due', 'right_value': 'lines.quantity_received',
        'text': ["'invoiced '", 'lines.quantity_invoiced_due', "' by '", 'lines.invoiced_due_on', "', received '", 'lines.quantity_received'],
    },
    {
        'aspect': 'receipt_missing', 'reason': "'invoiced_not_received'", 'right': 'lines.receipt_system', 'left': 'lines.invoice_system',
        'compared': [live, "not " ~ is_quantity, receipts_expected, 'lines.invoiced_due_on is not null', same_unit, same_currency],
        'differs': 'lines.amount_net_invoiced_due_txn > lines.amount_received_txn',
        'left_amount': 'lines.amount_net_invoiced_due_txn', 'right_amount': 'lines.amount_received_txn',
        'base': 'lines.amount_net_txn', 'dated': 'lines.invoiced_due_on',
        'left_value': 'lines.amount_net_invoiced_due_txn', 'right_value': 'lines.amount_received_txn',
        'text': ["'invoiced for '", 'lines.amount_net_invoiced_due_txn', "' by '", 'lines.invoiced_due_on', "', accepted for '",
                 'lines.amount_received_txn'],
    },
    {
        'aspect': 'quantity_received', 'reason': "'short_receipt'", 'right': 'lines.receipt_system',
        'compared': [is_quantity, receipts_expected, same_unit, 'lines.quantity_received < lines.quantity_ordered', is_short],
        'left_amount': ordered_value, 'right_amount': at_order_price('lines.quantity_received'),
        'quantity': 'lines.quantity_ordered - lines.quantity_received',
        'base': ordered_value,
        'dated': "case
            when lines.line_status in ('approved', 'issued') then lines.due_on
            when lines.line_status = 'closed' then coalesce(lines.closed_on, lines.received_on, lines.order_date)
            else lines.received_on
        end",
        'left_value': 'lines.quantity_ordered', 'right_value': 'lines.quantity_received',
        'text': ["'ordered '", 'lines.quantity_ordered', "' due '", 'lines.due_on', "', received '", 'lines.quantity_received'],
    },
    {
        'aspect': 'quantity_received', 'reason': "'over_receipt'", 'right': 'lines.receipt_system',
        'compared': [is_quantity, receipts_expected, same_unit, 'lines.receipt_count > 0', 'lines.quantity_received >= lines.quantity_ordered'],
        'left_amount': ordered_value, 'right_amount': at_order_price('lines.quantity_received'),
        'quantity': 'lines.quantity_ordered - lines.quantity_received',
        'base': ordered_value, 'dated': 'lines.received_on',
        'left_value': 'lines.quantity_ordered', 'right_value': 'lines.quantity_received',
        'text': ["'ordered '", 'lines.quantity_ordered', "', received '", 'lines.quantity_received'],
    },
    {
        'aspect': 'quantity_received', 'reason': "'over_receipt'", 'right': 'lines.receipt_system',
        'compared': ["not " ~ is_quantity, receipts_expected, same_unit, 'lines.receipt_count > 0'],
        'differs': 'lines.amount_received_txn > lines.amount_net_txn',
        'left_amount': 'lines.amount_net_txn', 'right_amount': 'lines.amount_received_txn',
        'base': 'lines.amount_net_txn', 'dated': 'lines.received_on',
        'left_value': 'lines.amount_net_txn', 'right_value': 'lines.amount_received_txn',
        'text': ["'ordered for '", 'lines.amount_net_txn', "', accepted for '", 'lines.amount_received_txn'],
    },
    {
        'aspect': 'rejected', 'reason': "'rejected_goods'", 'right': 'lines.receipt_system', 'tolerated': false,
        'compared': ['lines.receipt_count > 0'],
        'differs': 'lines.quantity_rejected > 0',
        'left_amount': at_order_price('lines.quantity_rejected'), 'right_amount': '0',
        'quantity': 'lines.quantity_rejected',
        'base': ordered_value, 'dated': 'coalesce(lines.rejected_on, lines.received_on)',
        'left_value': 'lines.quantity_ordered', 'right_value': 'lines.quantity_rejected',
        'text': ["'of '", 'lines.quantity_received', "' received, '", 'lines.quantity_rejected', "' were rejected'"],
    },
    {
        'aspect': 'currency', 'reason': "'currency_differs'", 'right': 'lines.invoice_system', 'tolerated': false,
        'compared': [live, invoiced],
        'differs': 'lines.other_currency_on is not null',
        'amount_functional': 'lines.other_currency_functional', 'amount_group': 'lines.other_currency_group',
        'dated': 'coalesce(lines.other_currency_on, lines.invoiced_on)',
        'left_value': 'lines.currency_code', 'right_value': 'lines.other_currency',
        'text': ["'ordered in '", 'lines.currency_code', "', invoiced in '", 'lines.other_currency'],
    },
    {
        'aspect': 'unit', 'reason': "'unit_differs'", 'tolerated': false,
        'right': 'coalesce(lines.receipt_system, lines.invoice_system)',
        'compared': [live, 'lines.receipt_count + lines.invoice_count > 0', 'lines.unit_code is not null'],
        'differs': 'lines.other_unit_on is not null',
        'amount_functional': 'lines.amount_functional', 'amount_group': 'lines.amount_group',
        'dated': 'coalesce(lines.other_unit_on, greatest(lines.received_on, lines.invoiced_on))',
        'left_value': 'lines.unit_code', 'right_value': 'lines.other_unit',
        'text': ["'ordered in '", 'lines.unit_code', "', received or invoiced in '", 'lines.other_unit'],
    },
    {
        'aspect': 'tax', 'reason': "'tax_differs'", 'right': 'lines.invoice_system',
        'compared': [live, invoiced, same_unit, same_currency, 'lines.amount_net_txn <> 0'],
        'left_amount': pro_rata('lines.amount_tax_txn', 'lines.amount_net_invoiced_txn', 'lines.amount_net_txn'),
        'right_amount': 'lines.amount_tax_invoiced_txn',
        'base': pro_rata('lines.amount_tax_txn', 'lines.amount_net_invoiced_txn', 'lines.amount_net_txn'),
        'dated': 'lines.invoiced_on',
        'left_value': 'lines.amount_tax_txn', 'right_value': 'lines.amount_tax_invoiced_txn',
        'text': ["'tax of '", pro_rata('lines.amount_tax_txn', 'lines.amount_net_invoiced_txn', 'lines.amount_net_txn'),
                 "' was ordered for what is invoiced, '", 'lines.amount_tax_invoiced_txn', "' is invoiced'"],
    },
    {
        'aspect': 'close', 'reason': "'after_close'", 'tolerated': false,
        'right': 'coalesce(lines.receipt_system, lines.invoice_system)',
        'compared': ["lines.line_status in ('closed', 'cancelled')", 'lines.closed_on is not null',
                     'lines.receipt_count + lines.invoice_count > 0'],
        'differs': 'lines.after_close_on is not null',
        'left_amount': '0',
        'right_amount': "coalesce(greatest(lines.amount_invoiced_after_close_txn, case when lines.line_type = 'quantity' then "
            ~ at_order_price('lines.quantity_after_close') ~ " else lines.amount_received_after_close_txn end), 0)",
        'dated': 'coalesce(lines.after_close_on, lines.closed_on)',
        'left_value': 'lines.closed_on', 'right_value': 'lines.after_close_on',
        'text': ["'closed on '", 'lines.closed_on', "', received or invoiced until '", 'lines.after_close_on'],
    },
] %}

-- 1. order lines with what has arrived for them
with lines as (

    select *
    from {{ ref('int_order_line') }} as stored
    where order_date <= {{ as_of() }} and {{ in_scope('stored') }}

),

tolerance_keys as (

    select distinct legal_entity_id, line_type as category, order_date as tolerance_date from lines

),

limits as (

    {{ tolerances('C07', 'tolerance_keys', aspects | map(attribute='aspect') | unique | list) }}

),

-- 2. one row per order line and aspect that can be compared
differences as not materialized (
    {%- for item in aspects %}
    {%- set difference = '(' ~ item.left_amount ~ ' - ' ~ item.right_amount ~ ')' if item.left_amount else 'null' %}

    select
        lines.record_key,
        lines.legal_entity_id,
        lines.supplier_id,
        lines.account_id,
        lines.cost_center_id,
        lines.project_id,
        {{ segment_list('lines') }},
        lines.source_system,
        lines.order_no,
        lines.line_no,
        lines.currency_code,
        lines.order_date,
        lines.rate_group,
        coalesce(lines.rate_functional, 1) as rate_functional,
        '{{ item.aspect }}' as aspect,
        {{ item.reason }} as reason_code,
        {{ item.left or 'lines.source_system' }} as left_system,
        {{ item.right or 'lines.source_system' }} as right_system,
        cast({{ item.left_value }} as varchar) as left_value,
        cast({{ item.right_value }} as varchar) as right_value,
        cast({{ item.left_amount or 'null' }} as numeric(28,4)) as left_amount,
        cast({{ item.right_amount or 'null' }} as numeric(28,4)) as right_amount,
        cast({{ difference }} as numeric(28,4)) as difference_amount,
        cast({{ item.base or '0' }} as numeric(28,4)) as base_amount,
        cast({{ item.quantity or 'null' }} as numeric(28,4)) as quantity_difference,
        cast({{ item.amount_functional or 'null' }} as numeric(28,4)) as stated_functional,
        cast({{ item.amount_group or 'null' }} as numeric(28,4)) as stated_group,
        {{ item.dated }} as dated_on,
        coalesce({{ item.differs or difference ~ ' <> 0' }}, true) as is_different,
        {% if item.tolerated is defined and not item.tolerated %}false{% else %}true{% endif %} as is_tolerated,
        limits.absolute_functional,
        limits.percent,
        {% for part in item.text %}{{ part if part.startswith("'") else words(part) }}{% if not loop.last %} || {% endif %}{% endfor %} as difference_text
    from lines
    inner join limits
        on limits.legal_entity_id = lines.legal_entity_id
        and limits.category = lines.line_type
        and limits.tolerance_date = lines.order_date
        and limits.aspect = '{{ item.aspect }}'
    where {{ item.compared | join(' and ') }}
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

-- 3. judged against the tolerance, dated in the entity's calendar
judged as not materialized (

    select
        differences.*,
        coalesce(period.fiscal_period_id, 'UNMAPPED') as fiscal_period_id,
        differences.is_different and not (
            differences.is_tolerated
            and {{ is_within(
                'cast(differences.difference_amount * differences.rate_functional as numeric(28,4))',
                'cast(differences.base_amount * differences.rate_functional as numeric(28,4))',
                'differences'
            ) }}
        ) as fails
    from differences
    left join {{ ref('int_entity_day') }} as period
        on period.legal_entity_id = differences.legal_entity_id and period.period_day = differences.dated_on

),

compared_lines as not materialized (

    select
        judged.legal_entity_id,
        judged.fiscal_period_id,
        case when judged.fails then judged.reason_code end as reason_code,
        not judged.is_different as is_equal,
        judged.aspect,
        judged.source_system || '|' || judged.order_no || '|' || cast(judged.line_no as varchar) as business_key,
        judged.left_system,
        judged.right_system,
        judged.left_value,
        judged.right_value,
        judged.left_amount,
        judged.right_amount,
        judged.difference_amount,
        judged.currency_code,
        coalesce(
            judged.stated_functional, cast(judged.difference_amount * judged.rate_functional as numeric(28,4))
        ) as amount_functional,
        coalesce(
            judged.stated_group, cast(judged.difference_amount * judged.rate_group as numeric(28,4))
        ) as amount_group,
        judged.quantity_difference,
        judged.supplier_id,
        judged.account_id,
        judged.cost_center_id,
        case when judged.fails then {{ cell_id(
            'judged.legal_entity_id', control_cost_center('judged'), control_account('judged'), 'judged.project_id', 'judged'
        ) }} end as cell_id,
        judged.order_date as document_date,
        case when judged.fails then
            'Order ' || judged.order_no || ' line ' || cast(judged.line_no as varchar) || ': '
            || judged.difference_text || ' (' || judged.currency_code || ').'
        end as message
    from judged
    {{ control_level_joins('judged') }}

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
        min(documents.legal_entity_id) as legal_entity_id,
        documents.source_system,
        documents.order_no,
        documents.order_line_no,
        max(documents.posting_date) as dated_on,
        min(documents.{{ side.number }}) as document_no,
        min(documents.supplier_id) as supplier_id,
        min(documents.currency_code) as currency_code,
        sum(documents.amount_txn) as amount_txn,
        sum(documents.quantity) as quantity,
        {%- if side.documents == 'fct_invoice_line' %}
        min(documents.account_id) as account_id,
        min(documents.cost_center_id) as cost_center_id,
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

compared as not materialized (

    select * from compared_lines
    union all
    select * from compared_invoices_without_order
    union all
    select * from compared_receipts_without_order

),

final as (

    {{ control_result('C07') }}

)

{{ cast_to_contract('final') }}
