{{ config(materialized='incremental', incremental_strategy='scope_replace', on_schema_change='fail') }}

-- 1. order lines whose cost stands in the ledger, in the period of the last of it, with what is still committed. A cost in another
--    currency than the order's says nothing here (C07 and C09 tell of it).
with ledger as (

    select
        order_system,
        order_no,
        order_line_no,
        ledger_system,
        legal_entity_id as ledger_entity_id,
        cost_period_id as fiscal_period_id,
        cost_txn,
        first_cost_currency,
        last_cost_currency
    from {{ ref('int_order_ledger') }}
    where cost_count > 0

),

scoped as (

    select
        orders.record_key,
        orders.source_system,
        orders.order_no,
        orders.line_no,
        orders.legal_entity_id,
        orders.line_type,
        orders.order_date,
        orders.currency_code,
        orders.supplier_id,
        orders.account_id,
        orders.cost_center_id,
        orders.project_id,
        {{ segment_list('orders') }},
        orders.rate_functional,
        orders.rate_group,
        orders.amount_net_txn,
        orders.amount_tax_txn,
        orders.amount_txn,
        orders.relief_point,
        case
            when orders.line_type = 'quantity' and orders.other_unit_on is null and orders.other_currency_on is null
                then orders.amount_net_invoiced_txn - orders.invoiced_value_txn
            else 0
        end as price_difference_txn,
        case
            when orders.line_type = 'quantity' and orders.relief_point = 'receipt'
                then greatest(orders.received_value_txn - orders.ordered_value_txn, 0)
            when orders.line_type = 'quantity' then greatest(orders.invoiced_value_txn - orders.ordered_value_txn, 0)
            when orders.relief_point = 'receipt' then greatest(orders.amount_received_txn - orders.amount_net_txn, 0)
            else greatest(orders.amount_net_invoiced_txn - orders.amount_net_txn, 0)
        end as over_delivery_txn,
        case when orders.line_type = 'quantity' then orders.invoiced_value_txn else orders.amount_net_invoiced_txn end
            as invoiced_txn,
        case when orders.other_currency_on is null then orders.amount_tax_invoiced_txn else 0 end as tax_invoiced_txn,
        ledger.ledger_system,
        ledger.cost_txn,
        ledger.fiscal_period_id,
        coalesce(commitments.amount_open_txn, 0) as amount_open_txn
    from ledger
    inner join {{ ref('int_order_line') }} as orders
        on orders.source_system = ledger.order_system
        and orders.order_no = ledger.order_no
        and orders.line_no = ledger.order_line_no
    left join {{ ref('int_commitment_line') }} as commitments
        on commitments.record_key = orders.record_key and commitments.commitment_kind = 'encumbrance'
    where ledger.first_cost_currency = orders.currency_code
        and ledger.last_cost_currency = orders.currency_code
        {%- if is_incremental() %}
        and (ledger.ledger_entity_id, ledger.fiscal_period_id) in (
            select scope.legal_entity_id, scope.fiscal_period_id from {{ source('meta', 'build_scope') }} as scope
        )
        {%- endif %}

),

tolerance_keys as (

    select distinct legal_entity_id, line_type as category, order_date as tolerance_date from scoped where amount_open_txn <> 0

),

limits as (

    {{ tolerances('C06', 'tolerance_keys', ['commitment']) }}

),

-- 2. cost and commitment together against the order and what the documents explain beyond it: over-delivery, price, tax
explained as (

    select
        scoped.*,
        cast(
            scoped.amount_txn + scoped.over_delivery_txn
            + coalesce({{ pro_rata('scoped.amount_tax_txn', 'scoped.over_delivery_txn', 'scoped.amount_net_txn') }}, 0)
            + scoped.price_difference_txn + scoped.tax_invoiced_txn
            - coalesce({{ pro_rata('scoped.amount_tax_txn', 'scoped.invoiced_txn', 'scoped.amount_net_txn') }}, 0)
            as numeric(18,4)
        ) as explained_txn
    from scoped
    where scoped.amount_open_txn <> 0

),

open_lines as (

    select
        explained.*,
        cast(least(explained.cost_txn + explained.amount_open_txn - explained.explained_txn, explained.amount_open_txn) as numeric(18,4))
            as double_txn,
        limits.absolute_functional,
        limits.percent
    from explained
    left join limits
        on limits.legal_entity_id = explained.legal_entity_id
        and limits.category = explained.line_type
        and limits.tolerance_date = explained.order_date

),

judged as (

    select
        open_lines.*,
        open_lines.double_txn <= 0 as is_equal,
        case
            when open_lines.double_txn <= 0 then null
            when {{ is_within(
                valued('open_lines.double_txn', 'coalesce(open_lines.rate_functional, 1)'),
                valued('open_lines.amount_txn', 'coalesce(open_lines.rate_functional, 1)'),
                'open_lines'
            ) }} then null
            else 'double_count'
        end as reason_code
    from open_lines

),

compared as (

    select
        lines.legal_entity_id,
        lines.fiscal_period_id,
        lines.reason_code,
        lines.is_equal,
        'commitment' as aspect,
        1 as row_count,
        lines.source_system || '|' || lines.order_no || '|' || cast(lines.line_no as varchar) as business_key,
        lines.ledger_system as left_system,
        lines.source_system as right_system,
        cast(lines.cost_txn as varchar) || ' + ' || cast(lines.amount_open_txn as varchar) as left_value,
        cast(lines.explained_txn as varchar) as right_value,
        lines.explained_txn + lines.double_txn as left_amount,
        lines.explained_txn as right_amount,
        lines.double_txn as difference_amount,
        lines.currency_code,
        case when lines.is_equal then 0 else cast({{ valued('lines.double_txn', 'lines.rate_functional') }} as numeric(28,4)) end
            as amount_functional,
        case when lines.is_equal then 0 else cast({{ valued('lines.double_txn', 'lines.rate_group') }} as numeric(28,4)) end
            as amount_group,
        cast(null as numeric(28,4)) as quantity_difference,
        lines.supplier_id,
        lines.account_id,
        lines.cost_center_id,
        case when lines.reason_code is not null then {{ cell_id(
            'lines.legal_entity_id', control_cost_center('lines'), control_account('lines'), 'lines.project_id', 'lines'
        ) }} end as cell_id,
        lines.order_date as document_date,
        'Order ' || lines.order_no || ' line ' || cast(lines.line_no as varchar) || ': a cost of ' || cast(lines.cost_txn as varchar)
        || ' stands in the ledger and ' || cast(lines.amount_open_txn as varchar) || ' is still committed; ordered and explained are '
        || cast(lines.explained_txn as varchar) || ' ' || lines.currency_code || ' (relief point ' || lines.relief_point || ').' as message
    from judged as lines
    {{ control_level_joins('lines') }}

),

passing as (

    select
        held.legal_entity_id,
        held.fiscal_period_id,
        held.is_equal,
        'commitment' as aspect,
        sum(held.row_count) as row_count,
        sum(held.amount_functional) as amount_functional,
        sum(held.amount_group) as amount_group
    from (
        select legal_entity_id, fiscal_period_id, is_equal, row_count, amount_functional, amount_group
        from compared
        where reason_code is null
        union all
        select legal_entity_id, fiscal_period_id, true as is_equal, count(*) as row_count, 0 as amount_functional, 0 as amount_group
        from scoped
        where amount_open_txn = 0
        group by legal_entity_id, fiscal_period_id
    ) as held
    group by held.legal_entity_id, held.fiscal_period_id, held.is_equal

),

gathered as (

    {{ failing_and_passing('compared', 'passing') }}

),

final as (

    {{ control_result('C06', 'gathered', is_gathered=true) }}

)

{{ cast_to_contract('final') }}
