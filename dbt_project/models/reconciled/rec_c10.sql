{{ config(materialized='incremental', incremental_strategy='scope_replace', on_schema_change='fail') }}

-- 1. entities with a control account, and whether their ledger names suppliers on it. One that never does is compared as a whole.
with entities as (

    select
        movements.legal_entity_id,
        sum(case when movements.supplier_id <> 'NONE' then movements.ledger_count else 0 end) > 0 as is_named
    from {{ ref('int_payable_movement') }} as movements
    where movements.legal_entity_id in (
        select accounts.legal_entity_id
        from (
            {{ role_accounts('ap_control') }}
        ) as accounts
        where accounts.valid_from <= {{ as_of() }} and accounts.valid_to >= {{ as_of() }}
    )
    group by movements.legal_entity_id

),

-- 2. movements by supplier and period, with the period's place
placed as (

    select
        movements.legal_entity_id,
        case when entities.is_named then movements.supplier_id else 'ALL' end as supplier_key,
        entities.is_named,
        movements.fiscal_period_id,
        coalesce(period.ordinal, 0) as ordinal,
        min(movements.item_system collate "C") as item_system,
        min(movements.ledger_system collate "C") as ledger_system,
        sum(movements.item_functional) as item_functional,
        sum(movements.item_count) as item_count,
        sum(movements.ledger_functional) as ledger_functional,
        sum(movements.ledger_count) as ledger_count,
        max(movements.last_on) as last_on
    from {{ ref('int_payable_movement') }} as movements
    inner join entities on entities.legal_entity_id = movements.legal_entity_id
    left join {{ ref('dim_fiscal_period') }} as period on period.fiscal_period_id = movements.fiscal_period_id
    group by
        movements.legal_entity_id, case when entities.is_named then movements.supplier_id else 'ALL' end, entities.is_named,
        movements.fiscal_period_id, coalesce(period.ordinal, 0)

),

running as (

    select
        placed.*,
        sum(placed.item_functional) over so_far as items_so_far,
        sum(placed.item_count) over so_far as item_count_so_far,
        sum(placed.ledger_functional) over so_far as ledger_so_far,
        sum(placed.ledger_count) over so_far as ledger_count_so_far,
        sum(placed.item_functional - placed.ledger_functional) over (partition by placed.legal_entity_id, placed.supplier_key)
            as total_difference,
        row_number() over (
            partition by placed.legal_entity_id, placed.supplier_key
            order by placed.item_functional = placed.ledger_functional, placed.ordinal desc, placed.fiscal_period_id desc
        ) as from_last
    from placed
    window so_far as (
        partition by placed.legal_entity_id, placed.supplier_key order by placed.ordinal, placed.fiscal_period_id
        rows unbounded preceding
    )

),

-- 3. balances at the end of the period: of each in which both sides moved alike, and where a difference is left on the business
--    date, of the last that moved it
balances as (

    select
        running.legal_entity_id,
        running.supplier_key,
        running.fiscal_period_id,
        running.last_on,
        running.item_system,
        running.ledger_system,
        running.items_so_far as item_functional,
        running.item_count_so_far as item_count,
        running.ledger_so_far as ledger_functional,
        running.ledger_count_so_far as ledger_count,
        case when running.from_last = 1 then running.total_difference else 0 end as difference_functional
    from running
    where running.total_difference = 0
        or running.from_last = 1
        or running.item_functional = running.ledger_functional

),

tolerance_keys as (

    select distinct legal_entity_id, 'supplier' as category, {{ as_of() }} as tolerance_date from balances

),

limits as (

    {{ tolerances('C10', 'tolerance_keys', ['balance']) }}

),

judged as (

    select
        balances.*,
        entity.functional_currency,
        case
            when entity.functional_currency = '{{ var("group_currency") }}' then balances.difference_functional
            else cast({{ valued('balances.difference_functional', 'moved.rate_group') }} as numeric(28,4))
        end as difference_group,
        case
            when {{ is_within('balances.difference_functional', 'balances.ledger_functional', 'limits') }} then null
            when balances.supplier_key = 'NONE' and balances.item_count = 0 then 'posting_without_supplier'
            when balances.ledger_count = 0 then 'item_without_posting'
            when balances.item_count = 0 then 'posting_without_item'
            else 'balance_differs'
        end as reason_code
    from balances
    left join limits on limits.legal_entity_id = balances.legal_entity_id
    left join {{ ref('dim_legal_entity') }} as entity on entity.legal_entity_id = balances.legal_entity_id
    left join {{ ref('int_entity_day') }} as moved
        on moved.legal_entity_id = balances.legal_entity_id and moved.period_day = balances.last_on

),

compared as (

    select
        judged.legal_entity_id,
        judged.fiscal_period_id,
        judged.reason_code,
        judged.difference_functional = 0 as is_equal,
        'balance' as aspect,
        judged.supplier_key as business_key,
        judged.item_system as left_system,
        judged.ledger_system as right_system,
        cast(judged.item_functional as varchar) as left_value,
        cast(judged.ledger_functional as varchar) as right_value,
        judged.item_functional as left_amount,
        judged.ledger_functional as right_amount,
        judged.difference_functional as difference_amount,
        judged.functional_currency as currency_code,
        judged.difference_functional as amount_functional,
        judged.difference_group as amount_group,
        cast(null as numeric(28,4)) as quantity_difference,
        case when judged.supplier_key not in ('ALL', 'NONE') then judged.supplier_key end as supplier_id,
        cast(null as varchar) as account_id,
        cast(null as varchar) as cost_center_id,
        cast(null as varchar) as cell_id,
        judged.last_on as document_date,
        case
            when judged.supplier_key = 'ALL' then 'All suppliers'
            when judged.supplier_key = 'NONE' then 'Postings that name no supplier'
            else 'Supplier ' || judged.supplier_key || coalesce(' (' || supplier.supplier_name || ')', '')
        end || ': open items come to ' || cast(judged.item_functional as varchar) || ', the control account to '
        || cast(judged.ledger_functional as varchar) || ' ' || judged.functional_currency || '.' as message
    from judged
    left join {{ ref('dim_supplier') }} as supplier on supplier.supplier_id = judged.supplier_key

),

final as (

    {{ control_result('C10') }}

)

{{ cast_to_contract('final') }}
