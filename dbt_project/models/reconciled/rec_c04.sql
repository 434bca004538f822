-- A checkpoint: it says what holds on the business date, so it is made anew every time. Lines on which nothing is open on either
-- side are not compared, which leaves a small part of all order lines.
{{ config(materialized='table') }}

-- 1. what systems state as open per order line
with stated_parts as (

    select
        balances.*,
        {{ order_system('balances') }} as order_system
    from {{ ref('fct_commitment_balance') }} as balances
    where not balances.is_deleted and balances.amount_txn <> 0 and balances.balance_date <= {{ as_of() }}

),

stated as (

    select
        source_system,
        order_system,
        order_no,
        order_line_no,
        min(legal_entity_id collate "C") as legal_entity_id,
        min(fiscal_period_id collate "C") as fiscal_period_id,
        min(currency_code collate "C") as first_currency,
        max(currency_code collate "C") as last_currency,
        max(balance_date) as balance_date,
        sum(amount_txn) as amount_txn,
        case when count(amount_functional) = count(*) then sum(amount_functional) end as amount_functional,
        case when count(amount_group) = count(*) then sum(amount_group) end as amount_group
    from stated_parts
    group by source_system, order_system, order_no, order_line_no
    having sum(amount_txn) <> 0

),

-- 2. systems and the entities that they keep commitments of: an entity of which a system has never stated any is not held against it
covered as (

    select distinct
        balances.source_system,
        {{ order_system('balances') }} as order_system,
        balances.legal_entity_id
    from {{ ref('fct_commitment_balance') }} as balances
    where balances.legal_entity_id <> 'UNMAPPED'

),

-- 3. what is open here
open_lines as (

    select
        lines.record_key,
        lines.legal_entity_id,
        lines.fiscal_period_id,
        lines.last_event_on,
        lines.amount_open_txn,
        lines.amount_open_functional,
        lines.amount_open_group
    from {{ ref('int_commitment_line') }} as lines
    where lines.commitment_kind = 'encumbrance' and lines.amount_open_txn <> 0

),

-- 4. both sides: every statement with its order line, and open lines that nobody states who should
both_sides as (

    select
        stated.source_system as stating_system,
        stated.order_system,
        stated.order_no,
        stated.order_line_no as line_no,
        orders.record_key,
        coalesce(lines.legal_entity_id, orders.legal_entity_id, stated.legal_entity_id) as legal_entity_id,
        coalesce(lines.fiscal_period_id, stated.fiscal_period_id) as fiscal_period_id,
        greatest(lines.last_event_on, stated.balance_date) as last_moved_on,
        orders.line_type,
        coalesce(orders.order_date, stated.balance_date) as document_date,
        orders.currency_code,
        stated.first_currency,
        stated.last_currency,
        orders.rate_functional,
        orders.rate_group,
        nullif(lines.amount_open_txn, 0) as open_txn,
        lines.amount_open_functional as open_functional,
        lines.amount_open_group as open_group,
        stated.amount_txn as stated_txn,
        stated.amount_functional as stated_functional,
        stated.amount_group as stated_group
    from stated
    left join {{ ref('fct_purchase_order_line') }} as orders
        on orders.source_system = stated.order_system
        and orders.order_no = stated.order_no
        and orders.line_no = stated.order_line_no
        and not orders.is_deleted
    left join {{ ref('int_commitment_line') }} as lines
        on lines.record_key = orders.record_key and lines.commitment_kind = 'encumbrance'

    union all

    select
        covered.source_system as stating_system,
        covered.order_system,
        orders.order_no,
        orders.line_no,
        open_lines.record_key,
        open_lines.legal_entity_id,
        open_lines.fiscal_period_id,
        open_lines.last_event_on as last_moved_on,
        orders.line_type,
        orders.order_date as document_date,
        orders.currency_code,
        null as first_currency,
        null as last_currency,
        orders.rate_functional,
        orders.rate_group,
        open_lines.amount_open_txn as open_txn,
        open_lines.amount_open_functional as open_functional,
        open_lines.amount_open_group as open_group,
        null as stated_txn,
        null as stated_functional,
        null as stated_group
    from open_lines
    inner join {{ ref('fct_purchase_order_line') }} as orders on orders.record_key = open_lines.record_key
    inner join covered
        on covered.order_system = orders.source_system and covered.legal_entity_id = open_lines.legal_entity_id
    where not exists (
        select 1 from stated
        where stated.source_system = covered.source_system
            and stated.order_system = orders.source_system
            and stated.order_no = orders.order_no
            and stated.order_line_no = orders.line_no
    )

),

sided as (

    select
        both_sides.*,
        case when stating_system = order_system then 'open_orders' else 'commitments' end as aspect,
        coalesce(line_type, 'none') as category,
        cast(coalesce(open_txn, 0) - coalesce(stated_txn, 0) as numeric(28,4)) as difference_txn,
        coalesce(first_currency <> currency_code or last_currency <> currency_code, false) as has_other_currency
    from both_sides

),

tolerance_keys as (

    select distinct legal_entity_id, category, document_date as tolerance_date from sided

),

limits as (

    {{ tolerances('C04', 'tolerance_keys', ['open_orders', 'commitments']) }}

),

-- 5. judged: missing on a side, currency, amount. What moved on either side within the allowed days is not judged yet.
measured as (

    select
        sided.*,
        limits.absolute_functional,
        limits.percent,
        limits.lag_days,
        case
            when sided.stated_txn is null then 'not_committed'
            when sided.record_key is null then 'unknown_order'
            when sided.open_txn is null then 'nothing_open'
            when sided.has_other_currency then 'currency_differs'
            when sided.difference_txn <> 0 then 'amount_differs'
        end as found
    from sided
    left join limits
        on limits.legal_entity_id = sided.legal_entity_id
        and limits.category = sided.category
        and limits.tolerance_date = sided.document_date
        and limits.aspect = sided.aspect

),

judged as (

    select
        measured.*,
        found is null as is_equal,
        case
            when found = 'amount_differs' and {{ is_within(
                valued('difference_txn', 'rate_functional'), valued('open_txn', 'rate_functional'), 'measured'
            ) }} then null
            else found
        end as reason_code,
        case
            when found is null then 0
            when found in ('not_committed', 'currency_differs') then open_functional
            -- nothing stands here that has a rate: valued at the rate of the balance's own day
            when found in ('unknown_order', 'nothing_open') then stated_functional
            else cast({{ valued('difference_txn', 'rate_functional') }} as numeric(28,4))
        end as amount_functional,
        case
            when found is null then 0
            when found in ('not_committed', 'currency_differs') then open_group
            when found in ('unknown_order', 'nothing_open') then stated_group
            else cast({{ valued('difference_txn', 'rate_group') }} as numeric(28,4))
        end as amount_group
    from measured
    where found is null or {{ as_of() }} - last_moved_on > coalesce(lag_days, 0)

),

passing as (

    select
        legal_entity_id,
        fiscal_period_id,
        is_equal,
        aspect,
        count(*) as row_count,
        sum(abs(amount_functional)) as amount_functional,
        sum(abs(amount_group)) as amount_group
    from judged
    where reason_code is null
    group by legal_entity_id, fiscal_period_id, is_equal, aspect

),

-- 6. what fails, with the coding of its order line and in words
failing as (

    select
        judged.legal_entity_id,
        judged.fiscal_period_id,
        judged.is_equal,
        judged.aspect,
        1 as row_count,
        judged.amount_functional,
        judged.amount_group,
        judged.stating_system || '|' || judged.order_no || '|' || cast(judged.line_no as varchar) as business_key,
        judged.order_system as left_system,
        judged.stating_system as right_system,
        cast(judged.open_txn as varchar) as left_value,
        cast(judged.stated_txn as varchar) as right_value,
        judged.open_txn as left_amount,
        judged.stated_txn as right_amount,
        -- amounts in two currencies have no difference
        case when judged.reason_code <> 'currency_differs' then judged.difference_txn end as difference_amount,
        case when judged.open_txn is null then judged.first_currency else judged.currency_code end as currency_code,
        cast(null as numeric(28,4)) as quantity_difference,
        orders.supplier_id,
        orders.account_id,
        orders.cost_center_id,
        case when orders.record_key is not null then {{ cell_id(
            'orders.legal_entity_id', control_cost_center('orders'), control_account('orders'), 'orders.project_id', 'orders'
        ) }} end as cell_id,
        judged.reason_code,
        judged.document_date,
        'Order ' || judged.order_no || ' line ' || cast(judged.line_no as varchar) || ': '
        || case judged.reason_code
            when 'not_committed' then
                {{ words('judged.open_txn') }} || ' ' || judged.currency_code || ' open here, ' || judged.stating_system
                || ' states nothing open'
            when 'unknown_order' then
                judged.stating_system || ' states ' || {{ words('judged.stated_txn') }} || ' ' || judged.first_currency
                || ' open; there is no such order line'
            when 'nothing_open' then
                judged.stating_system || ' states ' || {{ words('judged.stated_txn') }} || ' ' || judged.first_currency
                || ' open, nothing is open here'
            when 'currency_differs' then
                'ordered in ' || judged.currency_code || ', carried by ' || judged.stating_system || ' in '
                || case when judged.first_currency <> judged.currency_code then judged.first_currency else judged.last_currency end
            else
                {{ words('judged.open_txn') }} || ' ' || judged.currency_code || ' open here, ' || judged.stating_system
                || ' states ' || {{ words('judged.stated_txn') }}
        end || '.' as message
    from judged
    left join {{ ref('fct_purchase_order_line') }} as orders on orders.record_key = judged.record_key
    {{ control_level_joins('orders') }}
    where judged.reason_code is not null

),

results as (

    {{ failing_and_passing('failing', 'passing') }}

),

final as (

    {{ control_result('C04', 'results', is_gathered=true) }}

)

{{ cast_to_contract('final') }}
