{{ config(materialized='incremental', incremental_strategy='scope_replace', on_schema_change='fail') }}

-- 1. order lines and accounts without order, both sides beside each other
with lines as (

    select * from {{ ref('int_grni_line') }}

),

tolerance_keys as (

    select distinct legal_entity_id, line_type as category, coalesce(order_date, {{ as_of() }}) as tolerance_date from lines

),

limits as (

    {{ tolerances('C11', 'tolerance_keys', ['balance', 'age']) }}

),

-- 2. balances: what is open by the documents, against the ledger. What documents of the last days add or take may be there or not.
balances as (

    select
        lines.*,
        limits.absolute_functional,
        limits.percent,
        lines.open_functional - lines.ledger_functional as difference_functional,
        lines.open_group - lines.ledger_group as difference_group,
        case
            when lines.open_functional is null then null
            when lines.ledger_functional < lines.open_functional - lines.added_recently_functional
                then lines.open_functional - lines.added_recently_functional - lines.ledger_functional
            when lines.ledger_functional > lines.open_functional + lines.taken_recently_functional
                then lines.open_functional + lines.taken_recently_functional - lines.ledger_functional
            else 0
        end as unexplained_functional
    from lines
    left join limits
        on limits.legal_entity_id = lines.legal_entity_id
        and limits.category is not distinct from lines.line_type
        and limits.tolerance_date = coalesce(lines.order_date, {{ as_of() }})
        and limits.aspect = 'balance'
    where not lines.is_other and {{ in_scope('lines') }}

),

judged_balances as (

    select
        balances.*,
        case
            when balances.order_no is null then case when balances.ledger_functional <> 0 then 'posting_without_order' end
            when {{ is_within(
                'balances.unexplained_functional', valued('balances.received_txn', 'coalesce(balances.rate_functional, 1)'), 'balances'
            ) }}
                then null
            when balances.record_key is null then 'balance_without_documents'
            when balances.received_net_txn <> 0 and balances.accrued_functional = 0 then 'receipt_not_accrued'
            when balances.invoiced_net_txn <> 0 and balances.cleared_functional = 0 then 'invoice_not_cleared'
            else 'balance_differs'
        end as reason_code
    from balances

),

-- 3. age: what was received and is not invoiced, from the day on which it has stood too long
ages as (

    select
        lines.*,
        {{ add_days('lines.open_since', 'limits.lag_days + 1') }} as over_on,
        {{ as_of() }} - lines.open_since > limits.lag_days as is_over
    from lines
    inner join limits
        on limits.legal_entity_id = lines.legal_entity_id
        and limits.category is not distinct from lines.line_type
        and limits.tolerance_date = coalesce(lines.order_date, {{ as_of() }})
        and limits.aspect = 'age'
    where not lines.is_other and lines.open_txn > 0 and lines.open_since is not null

),

dated_ages as (

    select
        ages.*,
        coalesce(period.fiscal_period_id, 'UNMAPPED') as over_period_id
    from ages
    left join {{ ref('int_entity_day') }} as period
        on period.legal_entity_id = ages.legal_entity_id
        and period.period_day = case when ages.is_over then ages.over_on else ages.dated_on end

),

compared as (

    select
        lines.legal_entity_id,
        lines.fiscal_period_id,
        lines.reason_code,
        false as is_equal,
        case when lines.order_no is null then 'unassigned' else 'balance' end as aspect,
        1 as row_count,
        case
            when lines.order_no is null then lines.ledger_system || '|' || lines.grni_account_id
            else coalesce(lines.source_system, 'NONE') || '|' || lines.order_no || '|' || coalesce(cast(lines.line_no as varchar), 'NONE')
        end as business_key,
        case when lines.record_key is not null then lines.source_system end as left_system,
        lines.ledger_system as right_system,
        cast(lines.open_functional as varchar) as left_value,
        cast(lines.ledger_functional as varchar) as right_value,
        lines.open_functional as left_amount,
        lines.ledger_functional as right_amount,
        lines.difference_functional as difference_amount,
        entity.functional_currency as currency_code,
        lines.difference_functional as amount_functional,
        lines.difference_group as amount_group,
        lines.quantity_received - lines.quantity_invoiced as quantity_difference,
        lines.supplier_id,
        coalesce(lines.grni_account_id, lines.account_id) as account_id,
        lines.cost_center_id,
        case when lines.record_key is not null then {{ cell_id(
            'lines.legal_entity_id', control_cost_center('lines'), control_account('lines'), 'lines.project_id', 'lines'
        ) }} end as cell_id,
        coalesce(lines.order_date, lines.dated_on) as document_date,
        case
            when lines.order_no is null then
                'Postings on account ' || lines.grni_account_id || ' that name no order line come to '
                || cast(lines.ledger_functional as varchar)
            else
                'Order ' || lines.order_no || ' line ' || coalesce(cast(lines.line_no as varchar), '(none)') || ': '
                || case
                    when lines.record_key is null then 'no receipts that accrue'
                    else 'received ' || cast(lines.received_txn as varchar) || ', invoiced ' || cast(lines.invoiced_txn as varchar) || ' '
                        || lines.currency_code
                end
                || '; the ledger accrued ' || cast(lines.accrued_functional as varchar) || ', cleared '
                || cast(lines.cleared_functional as varchar) || ' and holds ' || cast(lines.ledger_functional as varchar)
        end || ' ' || entity.functional_currency || '.' as message
    from judged_balances as lines
    left join {{ ref('dim_legal_entity') }} as entity on entity.legal_entity_id = lines.legal_entity_id
    {{ control_level_joins('lines') }}
    where lines.reason_code is not null

    union all

    select
        lines.legal_entity_id,
        lines.over_period_id as fiscal_period_id,
        'not_invoiced_in_time' as reason_code,
        false as is_equal,
        'age' as aspect,
        1 as row_count,
        lines.source_system || '|' || lines.order_no || '|' || cast(lines.line_no as varchar) as business_key,
        lines.source_system as left_system,
        lines.source_system as right_system,
        cast(lines.open_since as varchar) as left_value,
        'not invoiced' as right_value,
        lines.open_functional as left_amount,
        0 as right_amount,
        lines.open_functional as difference_amount,
        entity.functional_currency as currency_code,
        lines.open_functional as amount_functional,
        lines.open_group as amount_group,
        lines.quantity_received - lines.quantity_invoiced as quantity_difference,
        lines.supplier_id,
        lines.account_id,
        lines.cost_center_id,
        {{ cell_id('lines.legal_entity_id', control_cost_center('lines'), control_account('lines'), 'lines.project_id', 'lines') }}
            as cell_id,
        lines.order_date as document_date,
        'Order ' || lines.order_no || ' line ' || cast(lines.line_no as varchar) || ': ' || cast(lines.open_txn as varchar) || ' '
        || lines.currency_code || ' received and not invoiced since ' || cast(lines.open_since as varchar) || '.' as message
    from dated_ages as lines
    left join {{ ref('dim_legal_entity') }} as entity on entity.legal_entity_id = lines.legal_entity_id
    {{ control_level_joins('lines') }}
    where lines.is_over

),

-- 4. what holds, counted before any text is made
passing as (

    select
        held.legal_entity_id,
        held.fiscal_period_id,
        held.is_equal,
        held.aspect,
        count(*) as row_count,
        sum(abs(held.amount_functional)) as amount_functional,
        sum(abs(held.amount_group)) as amount_group
    from (
        select
            legal_entity_id,
            fiscal_period_id,
            difference_functional = 0 as is_equal,
            case when order_no is null then 'unassigned' else 'balance' end as aspect,
            difference_functional as amount_functional,
            difference_group as amount_group
        from judged_balances
        where reason_code is null
        union all
        select
            legal_entity_id,
            over_period_id as fiscal_period_id,
            true as is_equal,
            'age' as aspect,
            0 as amount_functional,
            0 as amount_group
        from dated_ages
        where not is_over
    ) as held
    group by held.legal_entity_id, held.fiscal_period_id, held.is_equal, held.aspect

),

gathered as (

    {{ failing_and_passing('compared', 'passing') }}

),

final as (

    {{ control_result('C11', 'gathered', is_gathered=true) }}

)

{{ cast_to_contract('final') }}
