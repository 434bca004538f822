{{ config(materialized='incremental', incremental_strategy='scope_replace', on_schema_change='fail') }}

{%- set policies = commitment_policies() %}
{%- set keys = [
    'business_key', 'left_system', 'right_system', 'left_value', 'right_value', 'left_amount', 'right_amount', 'difference_amount',
    'currency_code', 'quantity_difference', 'supplier_id', 'account_id', 'cost_center_id', 'cell_id', 'document_date', 'message',
] %}

-- 1. what the latest documents leave open on the business date: one sum, one clamp, no history
with order_lines as (

    select
        'encumbrance' as commitment_kind,
        orders.*,
        case
            when orders.line_status in ('approved', 'issued', 'closed') then coalesce(orders.approved_on, orders.order_date)
            when orders.line_status in ('cancelled', 'rejected') then orders.approved_on
        end as begins_on,
        case when orders.line_status in ('closed', 'cancelled', 'rejected') then orders.closed_on end as closes_on,
        orders.line_status in ('approved', 'issued') as is_open,
        case when {{ is_measured_by_quantity('orders') }} then orders.quantity else orders.amount_net_txn end as whole,
        {{ relief_digits('orders.amount_txn', 'coalesce(currency.minor_units, 4)') }} as digits
    from (
        select
            record_key, source_system, legal_entity_id, fiscal_period_id, supplier_id, account_id, cost_center_id, order_date,
            approved_on, closed_on, line_type, line_status, currency_code, quantity_ordered as quantity, amount_net_txn,
            amount_txn, rate_functional, rate_group, arrived
        from {{ ref('int_order_line') }}
    ) as orders
    left join {{ ref('dim_currency') }} as currency on currency.currency_code = orders.currency_code

),

requisition_arrived as (

    select
        lines.record_key,
        count(*) as order_count,
        sum({{ requisition_part('documents', 'lines') }}) as arrived
    from {{ ref('fct_purchase_order_line') }} as documents
    inner join {{ ref('fct_requisition_line') }} as lines
        on lines.source_system = documents.source_system
        and lines.requisition_no = documents.requisition_no
        and lines.line_no = documents.requisition_line_no
    where not documents.is_deleted
        and documents.order_date <= {{ as_of() }}
        and ({{ stands_for_requisition('documents') }})
    group by lines.record_key

),

lines as (

    select
        commitment_kind, record_key, source_system, legal_entity_id, fiscal_period_id, supplier_id, account_id, cost_center_id,
        order_date as first_on, begins_on, closes_on, is_open, line_type, currency_code, amount_txn, rate_functional, rate_group,
        whole, digits, arrived
    from order_lines

    union all

    select
        'pre_encumbrance', requisitions.record_key, source_system, legal_entity_id, fiscal_period_id, supplier_id, account_id,
        cost_center_id, requested_on,
        case
            when line_status in ('approved', 'ordered', 'closed') then coalesce(approved_on, requested_on)
            when line_status in ('cancelled', 'rejected') then approved_on
        end,
        case when line_status in ('closed', 'cancelled', 'rejected') then closed_on end,
        line_status = 'approved' or (line_status = 'ordered' and coalesce(arrived.order_count, 0) = 0),
        'requisition', currency_code, amount_txn, rate_functional, rate_group, amount_txn as whole, 4, coalesce(arrived.arrived, 0)
    from {{ ref('fct_requisition_line') }} as requisitions
    left join requisition_arrived as arrived on arrived.record_key = requisitions.record_key
    where not requisitions.is_deleted

),
{%- if policies.any %}

policy_keys as (

    select distinct legal_entity_id, line_type, first_on as policy_date from lines

),

revaluations as (

    {{ policy_values('commitment_revaluation', 'policy_keys', 'none') }}

),

year_ends as (

    {{ policy_values('year_end_commitments', 'policy_keys', 'continue') }}

),

this_year as (

    select entity.legal_entity_id, min(others.starts_on) as starts_on
    from {{ ref('dim_legal_entity') }} as entity
    inner join {{ ref('dim_fiscal_period') }} as today
        on today.calendar_id = entity.calendar_id and today.kind = 'normal'
        and today.starts_on <= {{ as_of() }} and today.ends_on >= {{ as_of() }}
    inner join {{ ref('dim_fiscal_period') }} as others
        on others.calendar_id = entity.calendar_id and others.fiscal_year = today.fiscal_year and others.kind = 'normal'
    group by entity.legal_entity_id

),
{%- endif %}

left_open as (

    select
        lines.*,
        case
            when lines.begins_on is null or lines.begins_on > {{ as_of() }} then 0
            when not lines.is_open and (lines.closes_on is null or lines.closes_on <= {{ as_of() }}) then 0
            {%- if policies.lapse %}
            when year_ends.policy_value = 'lapse' and lines.begins_on < this_year.starts_on then 0
            {%- endif %}
            else {{ left_of(
                'lines.amount_txn', between_nothing_and('lines.whole', 'lines.arrived'), 'lines.whole', 'lines.digits'
            ) }}
        end as amount_open,
        -- a line that is revalued stands at another rate than its own
        {% if policies.revalue %}coalesce(revaluations.policy_value, 'none') <> 'none'{% else %}false{% endif %} as is_revalued
    from lines
    {%- if policies.any %}
    left join revaluations
        on revaluations.legal_entity_id = lines.legal_entity_id and revaluations.line_type = lines.line_type
        and revaluations.policy_date = lines.first_on
    left join year_ends
        on year_ends.legal_entity_id = lines.legal_entity_id and year_ends.line_type = lines.line_type
        and year_ends.policy_date = lines.first_on
    left join this_year on this_year.legal_entity_id = lines.legal_entity_id
    {%- endif %}

),

-- 2. both sides; a side that is missing has nothing open
line_sides as (

    select
        coalesce(documents.commitment_kind, movements.commitment_kind) as commitment_kind,
        coalesce(documents.record_key, movements.record_key) as record_key,
        coalesce(movements.legal_entity_id, documents.legal_entity_id) as legal_entity_id,
        coalesce(movements.fiscal_period_id, documents.fiscal_period_id) as fiscal_period_id,
        documents.source_system,
        documents.supplier_id,
        documents.account_id,
        documents.cost_center_id,
        documents.begins_on,
        documents.currency_code,
        documents.rate_functional,
        documents.rate_group,
        coalesce(documents.amount_open, 0) as left_amount,
        coalesce(movements.amount_open_txn, 0) as right_amount,
        coalesce(documents.amount_open, 0) - coalesce(movements.amount_open_txn, 0) as difference_amount,
        movements.amount_open_functional,
        movements.amount_open_group,
        coalesce(documents.is_revalued, false) as is_revalued,
        case
            when documents.amount_txn is null then false
            when documents.amount_txn >= 0 then movements.amount_open_txn < 0 or movements.amount_open_txn > documents.amount_txn
            else movements.amount_open_txn > 0 or movements.amount_open_txn < documents.amount_txn
        end as is_outside
    from left_open as documents
    full join {{ ref('int_commitment_line') }} as movements
        on movements.record_key = documents.record_key and movements.commitment_kind = documents.commitment_kind

),

line_reasons as (

    select
        sides.*,
        case
            when is_outside then 'below_nothing'
            when difference_amount <> 0 then 'balance_differs'
            -- a missing rate is C19's matter
            when not is_revalued and (
                amount_open_functional <> {{ times('left_amount', 'rate_functional') }}
                or amount_open_group <> {{ times('left_amount', 'rate_group') }}
            ) then 'converted_differs'
        end as reason_code
    from line_sides as sides
    where {{ in_scope('sides') }}

),

-- 3. movements by control cell and period, against what the cell shows
movement_sums as (

    select
        movements.legal_entity_id,
        movements.fiscal_period_id,
        {{ control_cost_center('movements') }} as control_cost_center_id,
        {{ control_account('movements') }} as control_account_id,
        movements.project_id,
        {{ segment_list('movements') }},
        sum(movements.amount_functional) as amount_functional,
        sum(movements.amount_group) as amount_group
    from {{ ref('fct_commitment_movement') }} as movements
    {{ control_level_joins('movements') }}
    where {{ in_scope('movements') }}
    group by {{ range(1, 12) | join(', ') }}

),

cell_sums as (

    select
        {{ cell_id('legal_entity_id', 'control_cost_center_id', 'control_account_id', 'project_id') }} as cell_id,
        sums.legal_entity_id,
        sums.fiscal_period_id,
        sums.control_cost_center_id,
        sums.control_account_id,
        coalesce(sums.amount_functional, 0) as amount_functional,
        coalesce(sums.amount_group, 0) as amount_group
    from movement_sums as sums

),

cell_sides as (

    select
        coalesce(sums.cell_id, cells.cell_id) as cell_id,
        coalesce(sums.legal_entity_id, cells.legal_entity_id) as legal_entity_id,
        coalesce(sums.fiscal_period_id, cells.fiscal_period_id) as fiscal_period_id,
        coalesce(sums.control_cost_center_id, cells.control_cost_center_id) as cost_center_id,
        coalesce(sums.control_account_id, cells.control_account_id) as account_id,
        coalesce(sums.amount_functional, 0) as left_amount,
        coalesce(cells.pre_encumbrance_change_functional + cells.encumbrance_change_functional, 0) as right_amount,
        coalesce(sums.amount_group, 0)
        - coalesce(cells.pre_encumbrance_change_group + cells.encumbrance_change_group, 0) as difference_group
    from cell_sums as sums
    full join (
        select * from {{ ref('int_cell_period') }} as cells where {{ in_scope('cells') }}
    ) as cells
        on cells.cell_id = sums.cell_id and cells.fiscal_period_id = sums.fiscal_period_id

),

comparisons as (

    select
        'line' as aspect,
        legal_entity_id,
        fiscal_period_id,
        reason_code,
        left_amount,
        right_amount,
        difference_amount,
        commitment_kind || '|' || record_key as business_key,
        source_system as left_system,
        currency_code,
        supplier_id,
        account_id,
        cost_center_id,
        cast(null as varchar) as cell_id,
        begins_on as document_date,
        case
            when reason_code = 'converted_differs' then {{ times('left_amount', 'rate_functional') }} - amount_open_functional
            -- the document is gone: what stands there
            when reason_code is not null and currency_code is null then amount_open_functional
            when reason_code is not null then {{ times('difference_amount', 'rate_functional') }}
        end as amount_functional,
        case
            when reason_code = 'converted_differs' then {{ times('left_amount', 'rate_group') }} - amount_open_group
            -- the document is gone: what stands there
            when reason_code is not null and currency_code is null then amount_open_group
            when reason_code is not null then {{ times('difference_amount', 'rate_group') }}
        end as amount_group,
        case when reason_code is not null then
            'The documents of line ' || record_key || ' leave ' || {{ words('left_amount') }} || ' '
            || coalesce(currency_code, '') || ' open; its movements come to ' || {{ words('right_amount') }} || '.'
        end as message
    from line_reasons

    union all

    select
        'cell', sides.legal_entity_id, sides.fiscal_period_id,
        case when sides.left_amount <> sides.right_amount or sides.difference_group <> 0 then 'cell_differs' end,
        sides.left_amount, sides.right_amount, sides.left_amount - sides.right_amount,
        sides.cell_id || '|' || sides.fiscal_period_id,
        'sub-ledger', entity.functional_currency, null, sides.account_id, sides.cost_center_id, sides.cell_id, null,
        sides.left_amount - sides.right_amount, sides.difference_group,
        case when sides.left_amount <> sides.right_amount or sides.difference_group <> 0 then
            'Movements of the cell come to ' || {{ words('sides.left_amount') }} || ', it shows ' || {{ words('sides.right_amount') }} || '.'
        end
    from cell_sides as sides
    left join {{ ref('dim_legal_entity') }} as entity on entity.legal_entity_id = sides.legal_entity_id

),

-- 4. what holds is counted, what does not stands alone
compared as (

    select
        legal_entity_id,
        fiscal_period_id,
        aspect,
        cast(null as varchar) as reason_code,
        true as is_equal,
        count(*) as row_count,
        cast(0 as numeric(28,4)) as amount_functional,
        cast(0 as numeric(28,4)) as amount_group,
        {% for column in keys -%}
        cast(null as {{ 'numeric(28,4)' if column.endswith('_amount') or column == 'quantity_difference' else 'date' if column == 'document_date' else 'varchar' }}) as {{ column }}{% if not loop.last %}, {% endif %}
        {%- endfor %}
    from comparisons
    where reason_code is null
    group by legal_entity_id, fiscal_period_id, aspect

    union all

    select
        legal_entity_id, fiscal_period_id, aspect, reason_code, false, 1, amount_functional, amount_group, business_key, left_system,
        'sub-ledger', null, null, left_amount, right_amount, difference_amount, currency_code, null, supplier_id, account_id,
        cost_center_id, cell_id, document_date, message
    from comparisons
    where reason_code is not null

),

final as (

    {{ control_result('C05', is_gathered=true) }}

)

{{ cast_to_contract('final') }}
