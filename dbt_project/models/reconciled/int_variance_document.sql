{{ config(materialized='incremental', incremental_strategy='scope_replace', on_schema_change='fail') }}

{%- set coding = ['cost_center_id', 'account_id', 'project_id'] + segment_columns() %}

-- 1. what consumed the commitment: reliefs, reinstatements and releases; and the cost in the ledger
with orders as (

    select
        record_key,
        source_system,
        order_no,
        line_no,
        legal_entity_id,
        cost_center_id,
        account_id,
        project_id,
        {{ segments('orders') }}
    from {{ ref('fct_purchase_order_line') }} as orders

),
{%- if is_incremental() %}

touched as (

    select movements.record_key
    from {{ ref('fct_commitment_movement') }} as movements
    where movements.commitment_kind = 'encumbrance' and {{ in_scope('movements') }}
    union
    select cost.order_record_key
    from {{ ref('int_order_cost') }} as cost
    where {{ in_scope('cost') }}
    {%- for fact in ['fct_receipt_line', 'fct_invoice_line'] %}
    union
    select orders.record_key
    from {{ ref(fact) }} as documents
    inner join orders
        on orders.source_system = {{ order_system('documents') }}
        and orders.order_no = documents.order_no
        and orders.line_no = documents.order_line_no
    where {{ in_scope('documents') }}
    {%- endfor %}
    union
    select stored.record_key
    from {{ this }} as stored
    where {{ in_scope('stored') }}

),
{%- endif %}

consumed as (

    select
        movements.record_key,
        movements.fiscal_period_id,
        movements.movement_type,
        movements.document_kind,
        movements.document_key,
        movements.quantity,
        movements.amount_txn,
        movements.amount_functional,
        {% for column in coding %}movements.{{ column }}, {% endfor %}
        orders.order_no,
        {% for column in coding %}movements.{{ column }} = orders.{{ column }}{% if not loop.last %} and {% endif %}{% endfor %}
            as is_as_ordered
    from {{ ref('fct_commitment_movement') }} as movements
    inner join orders on orders.record_key = movements.record_key
    where movements.commitment_kind = 'encumbrance'
        and movements.movement_type in ('relieve', 'reinstate', 'release')
        -- a ledger that names no orders says nothing of their cost
        and movements.legal_entity_id in (select cost.legal_entity_id from {{ ref('int_order_cost') }} as cost)
        {%- if is_incremental() %}
        and movements.record_key in (select touched.record_key from touched)
        {%- endif %}

),

cost as (

    select cost.*
    from {{ ref('int_order_cost') }} as cost
    {%- if is_incremental() %}
    where cost.order_record_key in (select touched.record_key from touched)
    {%- endif %}

),

-- 2. lines on which both agree, period by period and as coded, have no variance: the rest is for the others
differing as (

    select distinct differences.record_key
    from (
        select both_sides.record_key
        from (
            select record_key, fiscal_period_id, amount_functional, is_as_ordered from consumed
            union all
            select order_record_key, fiscal_period_id, amount_functional, is_as_ordered from cost
        ) as both_sides
        group by both_sides.record_key, both_sides.fiscal_period_id
        having coalesce(sum(both_sides.amount_functional), 0) <> 0 or min(case when both_sides.is_as_ordered then 1 else 0 end) = 0
    ) as differences

),

lines as (

    select
        orders.*,
        {{ is_measured_by_quantity('orders') }} as is_quantity,
        case
            when orders.amount_txn = {{ round_to('orders.amount_txn', 'coalesce(currency.minor_units, 4)') }}
                then coalesce(currency.minor_units, 4)
            else 4
        end as digits,
        case coalesce(currency.minor_units, 4) when 0 then 1.0 when 1 then 0.1 when 2 then 0.01 when 3 then 0.001 else 0.0001 end as unit,
        coalesce(orders.amount_tax_txn, 0) as tax_txn,
        ordered.relief_point
    from {{ ref('fct_purchase_order_line') }} as orders
    inner join differing on differing.record_key = orders.record_key
    left join {{ ref('int_order_line') }} as ordered on ordered.record_key = orders.record_key
    left join {{ ref('dim_currency') }} as currency on currency.currency_code = orders.currency_code

),

-- 3. the documents, by number: a movement names the document's line
relieving as (
    {%- for kind, fact, number in [('receipt', 'fct_receipt_line', 'receipt_no'), ('invoice', 'fct_invoice_line', 'invoice_no')] %}

    select consumed.*, coalesce(documents.{{ number }}, consumed.document_key) as document_no
    from consumed
    inner join lines on lines.record_key = consumed.record_key
    left join {{ ref(fact) }} as documents on documents.record_key = consumed.document_key
    where consumed.document_kind = '{{ kind }}'

    union all
    {%- endfor %}

    select consumed.*, consumed.order_no as document_no
    from consumed
    inner join lines on lines.record_key = consumed.record_key
    where consumed.document_kind not in ('receipt', 'invoice')

),

relieved as (

    select
        record_key,
        document_kind,
        document_no,
        -sum(amount_txn) as relieved_txn,
        -sum(quantity) as relieved_quantity
    from relieving
    where movement_type <> 'release'
    group by record_key, document_kind, document_no

),

-- 4. what the documents say in the order's terms (`explained`): what came beyond the order, tax and price
{{ document_terms() }},

-- 5. all of it per document and period
{%- set zero = 'cast(0 as numeric(18,4))' %}
events as (

    select
        record_key,
        document_kind,
        document_no,
        fiscal_period_id,
        true as has_come,
        false as is_other_currency,
        case when movement_type <> 'release' then -amount_txn else 0 end as relieved_txn,
        case when movement_type = 'release' then -amount_txn else 0 end as released_txn,
        -amount_functional as consumed_functional,
        {{ zero }} as cost_txn,
        {{ zero }} as cost_functional,
        {{ zero }} as over_txn,
        {{ zero }} as price_txn,
        {{ zero }} as tax_txn
    from relieving

    union all

    select
        cost.order_record_key as record_key,
        cost.document_kind,
        cost.document_no,
        cost.fiscal_period_id,
        false as has_come,
        cost.is_other_currency,
        {{ zero }} as relieved_txn,
        {{ zero }} as released_txn,
        {{ zero }} as consumed_functional,
        cost.amount_order_txn as cost_txn,
        cost.amount_functional as cost_functional,
        {{ zero }} as over_txn,
        {{ zero }} as price_txn,
        {{ zero }} as tax_txn
    from cost
    inner join lines on lines.record_key = cost.order_record_key

    union all

    select
        record_key,
        document_kind,
        document_no,
        fiscal_period_id,
        true as has_come,
        false as is_other_currency,
        {{ zero }} as relieved_txn,
        {{ zero }} as released_txn,
        {{ zero }} as consumed_functional,
        {{ zero }} as cost_txn,
        {{ zero }} as cost_functional,
        over_txn,
        price_difference_txn as price_txn,
        tax_difference_txn as tax_txn
    from explained

),

sums as (

    select
        record_key,
        document_kind,
        document_no,
        fiscal_period_id,
        max(case when has_come then 1 else 0 end) as has_come,
        max(case when is_other_currency then 1 else 0 end) as is_other_currency,
        sum(relieved_txn) as relieved_txn,
        sum(released_txn) as released_txn,
        coalesce(sum(consumed_functional), 0) as consumed_functional,
        sum(cost_txn) as cost_txn,
        sum(cost_functional) as cost_functional,
        sum(over_txn) as over_txn,
        sum(price_txn) as price_txn,
        sum(tax_txn) as tax_txn
    from events
    group by record_key, document_kind, document_no, fiscal_period_id

),

-- 6. what the ledger has of a document against what the document says: a difference in time until both are there, then another one
so_far as (

    select
        sums.*,
        period.ordinal,
        -- an invoice settles several receipts: each may be rounded
        count(*) over (partition by sums.record_key) as document_count,
        max(sums.has_come) over document as has_come_so_far,
        max(sums.is_other_currency) over document as is_other_currency_so_far,
        sum(sums.cost_txn) over document as cost_so_far,
        sum(sums.relieved_txn + sums.over_txn + sums.price_txn + sums.tax_txn) over document as expected_so_far
    from sums
    inner join {{ ref('dim_fiscal_period') }} as period on period.fiscal_period_id = sums.fiscal_period_id
    window document as (
        partition by sums.record_key, sums.document_kind, sums.document_no order by period.ordinal, sums.fiscal_period_id
        rows unbounded preceding
    )

),

unexplained as (

    select
        so_far.*,
        case when abs(so_far.left_so_far) <= so_far.rounding then so_far.left_so_far else 0 end as rounded_so_far,
        case when abs(so_far.left_so_far) <= so_far.rounding then 0 else so_far.left_so_far end as other_so_far
    from (
        select
            so_far.*,
            lines.unit * so_far.document_count as rounding,
            case
                when so_far.document_kind = 'posting' then so_far.cost_so_far
                when so_far.has_come_so_far = 1 and so_far.cost_so_far <> 0 then so_far.cost_so_far - so_far.expected_so_far
                else 0
            end as left_so_far
        from so_far
        inner join lines on lines.record_key = so_far.record_key
    ) as so_far

),

-- 7. the parts in the order's currency, then at the order's rate; what is left of the whole is the currency's part
parts as (

    select
        unexplained.*,
        cast(unexplained.rounded_so_far - coalesce(lag(unexplained.rounded_so_far) over document, 0) as numeric(18,4)) as rounding_txn,
        cast(unexplained.over_txn - unexplained.released_txn as numeric(18,4)) as quantity_txn,
        cast(unexplained.other_so_far - coalesce(lag(unexplained.other_so_far) over document, 0) as numeric(18,4)) as other_txn,
        cast(unexplained.cost_txn - unexplained.relieved_txn - unexplained.over_txn - unexplained.price_txn - unexplained.tax_txn
            as numeric(18,4)) as gap_txn
    from unexplained
    window document as (
        partition by unexplained.record_key, unexplained.document_kind, unexplained.document_no
        order by unexplained.ordinal, unexplained.fiscal_period_id
    )

),

converted as (

    select
        parts.record_key,
        parts.document_kind,
        parts.document_no,
        parts.fiscal_period_id,
        lines.legal_entity_id,
        parts.cost_functional - parts.consumed_functional as variance_functional,
        coalesce({{ times('(parts.price_txn + parts.rounding_txn)', 'lines.rate_functional') }}, 0) as price_functional,
        coalesce({{ times('parts.quantity_txn', 'lines.rate_functional') }}, 0) as quantity_functional,
        coalesce({{ times('parts.tax_txn', 'lines.rate_functional') }}, 0) as tax_functional,
        coalesce({{ times('(parts.gap_txn - parts.other_txn - parts.rounding_txn)', 'lines.rate_functional') }}, 0) as timing_functional,
        -- another currency than the order's: no more can be said than that
        case
            when parts.is_other_currency_so_far = 1 then 0
            else coalesce({{ times('parts.other_txn', 'lines.rate_functional') }}, 0)
        end as other_functional
    from parts
    inner join lines on lines.record_key = parts.record_key

),

-- 8. what was booked under another coding than the order's stands in both cells, as a difference in coding
elsewhere as (

    select
        record_key,
        document_kind,
        document_no,
        fiscal_period_id,
        {% for column in coding %}{{ column }}, {% endfor %}
        coalesce(sum(amount_functional), 0) as variance_functional
    from (
        select
            record_key, document_kind, document_no, fiscal_period_id, is_as_ordered,
            {% for column in coding %}{{ column }}, {% endfor %}
            amount_functional
        from relieving
        union all
        select
            cost.order_record_key, cost.document_kind, cost.document_no, cost.fiscal_period_id, cost.is_as_ordered,
            {% for column in coding %}cost.{{ column }}, {% endfor %}
            cost.amount_functional
        from cost
        inner join lines on lines.record_key = cost.order_record_key
    ) as booked
    where not is_as_ordered
    group by {{ range(1, 5 + coding | length) | join(', ') }}

),

moved as (

    select record_key, document_kind, document_no, fiscal_period_id, sum(variance_functional) as variance_functional
    from elsewhere
    group by record_key, document_kind, document_no, fiscal_period_id

),

placed as (

    select
        converted.record_key,
        converted.document_kind,
        converted.document_no,
        converted.fiscal_period_id,
        lines.legal_entity_id,
        lines.cost_center_id,
        lines.account_id,
        lines.project_id,
        {{ segments('lines') }},
        converted.variance_functional - coalesce(moved.variance_functional, 0) as variance_functional,
        converted.price_functional,
        converted.quantity_functional,
        converted.tax_functional,
        converted.variance_functional - converted.price_functional - converted.quantity_functional - converted.tax_functional
        - converted.timing_functional - converted.other_functional as currency_functional,
        converted.timing_functional,
        -coalesce(moved.variance_functional, 0) as coding_functional,
        converted.other_functional
    from converted
    inner join lines on lines.record_key = converted.record_key
    left join moved
        on moved.record_key = converted.record_key
        and moved.document_kind = converted.document_kind
        and moved.document_no = converted.document_no
        and moved.fiscal_period_id = converted.fiscal_period_id

    union all

    select
        elsewhere.record_key,
        elsewhere.document_kind,
        elsewhere.document_no,
        elsewhere.fiscal_period_id,
        lines.legal_entity_id,
        {% for column in coding %}elsewhere.{{ column }}, {% endfor %}
        elsewhere.variance_functional,
        0 as price_functional,
        0 as quantity_functional,
        0 as tax_functional,
        0 as currency_functional,
        0 as timing_functional,
        elsewhere.variance_functional as coding_functional,
        0 as other_functional
    from elsewhere
    inner join lines on lines.record_key = elsewhere.record_key

),

final as (

    select
        placed.*,
        lines.source_system,
        lines.order_no,
        lines.line_no as order_line_no
    from placed
    inner join lines on lines.record_key = placed.record_key
    where {{ in_scope('placed') }}
        and (
            {%- for part in ['variance'] + variance_parts() %}
            placed.{{ part }}_functional <> 0{% if not loop.last %} or{% endif %}
            {%- endfor %}
        )

)

{{ cast_to_contract('final') }}
