{{ config(materialized='incremental', incremental_strategy='scope_replace', on_schema_change='fail') }}

-- 1. journals: debits less credits of what stands in the periods of this build. Statistical accounts count units.
with parts as (

    select
        lines.source_system,
        lines.journal_no,
        lines.legal_entity_id,
        lines.fiscal_period_id,
        sum(lines.amount_functional) as amount_functional
    from {{ ref('fct_journal_line') }} as lines
    where not lines.is_deleted and {{ in_scope('lines') }}
        and lines.account_id not in (
            select account.account_id from {{ ref('dim_account') }} as account where account.account_type = 'statistical'
        )
    group by lines.source_system, lines.journal_no, lines.legal_entity_id, lines.fiscal_period_id

),

balanced_parts as (

    select legal_entity_id, fiscal_period_id, count(*) as row_count
    from parts
    where amount_functional = 0
    group by legal_entity_id, fiscal_period_id

),

-- 2. those that do not balance, with all their lines: a journal may have lines in several periods. It is shown in the latest.
unbalanced as (

    select
        lines.source_system,
        lines.journal_no,
        lines.legal_entity_id,
        max(lines.fiscal_period_id collate "C") as fiscal_period_id,
        sum(lines.amount_functional) as amount_functional,
        sum(case when lines.amount_functional > 0 then lines.amount_functional else 0 end) as debit_functional,
        sum(case when lines.amount_functional < 0 then -lines.amount_functional else 0 end) as credit_functional,
        max(lines.posting_date) as posting_date
    from {{ ref('fct_journal_line') }} as lines
    where not lines.is_deleted
        and lines.account_id not in (
            select account.account_id from {{ ref('dim_account') }} as account where account.account_type = 'statistical'
        )
        and exists (
            select 1 from parts
            where parts.amount_functional <> 0
                and parts.source_system = lines.source_system
                and parts.journal_no = lines.journal_no
                and parts.legal_entity_id = lines.legal_entity_id
        )
    group by lines.source_system, lines.journal_no, lines.legal_entity_id

),

-- 3. lines rebuilt against the balances that the same ledger states
line_totals as (

    select
        actual.source_system,
        actual.legal_entity_id,
        actual.account_id,
        actual.fiscal_period_id,
        sum(actual.amount_functional) as amount_functional,
        sum(actual.amount_group) as amount_group
    from {{ ref('int_actual') }} as actual
    where actual.actual_source = 'journal_line' and {{ in_scope('actual') }}
        and actual.source_system in (
            select feed.system from {{ source('meta', 'feed') }} as feed where feed.canonical_object = 'ledger_balance'
        )
    group by actual.source_system, actual.legal_entity_id, actual.account_id, actual.fiscal_period_id

),

balance_totals as (

    select
        balances.source_system,
        balances.legal_entity_id,
        balances.account_id,
        balances.fiscal_period_id,
        sum(balances.amount_functional) as amount_functional,
        sum(balances.amount_group) as amount_group
    from {{ ref('fct_ledger_balance') }} as balances
    where not balances.is_deleted and {{ in_scope('balances') }}
    group by balances.source_system, balances.legal_entity_id, balances.account_id, balances.fiscal_period_id

),

both_sides as (

    select
        coalesce(line_totals.source_system, balance_totals.source_system) as source_system,
        coalesce(line_totals.legal_entity_id, balance_totals.legal_entity_id) as legal_entity_id,
        coalesce(line_totals.account_id, balance_totals.account_id) as account_id,
        coalesce(line_totals.fiscal_period_id, balance_totals.fiscal_period_id) as fiscal_period_id,
        line_totals.amount_functional as lines_functional,
        balance_totals.amount_functional as balance_functional,
        coalesce(line_totals.amount_functional, 0) - coalesce(balance_totals.amount_functional, 0) as difference_amount,
        coalesce(line_totals.amount_group, 0) - coalesce(balance_totals.amount_group, 0) as difference_group
    from line_totals
    full outer join balance_totals
        on balance_totals.source_system = line_totals.source_system
        and balance_totals.legal_entity_id = line_totals.legal_entity_id
        and balance_totals.account_id = line_totals.account_id
        and balance_totals.fiscal_period_id = line_totals.fiscal_period_id

),

-- 4. both comparisons as differences, with the day whose tolerance and rate count
differences as (

    select
        unbalanced.source_system,
        unbalanced.legal_entity_id,
        unbalanced.fiscal_period_id,
        'journal' as aspect,
        case when unbalanced.amount_functional <> 0 then 'journal_unbalanced' end as reason_code,
        unbalanced.source_system || '|' || unbalanced.journal_no as business_key,
        cast(null as varchar) as account_id,
        unbalanced.debit_functional as left_amount,
        unbalanced.credit_functional as right_amount,
        unbalanced.amount_functional as difference_amount,
        cast(null as numeric(28,4)) as difference_group,
        unbalanced.debit_functional as base_amount,
        unbalanced.posting_date as dated_on,
        'Journal ' || unbalanced.journal_no || ': debits ' || cast(unbalanced.debit_functional as varchar) || ', credits '
        || cast(unbalanced.credit_functional as varchar) as message
    from unbalanced
    -- debits and credits that stand in different periods balance all the same
    where unbalanced.amount_functional <> 0

    union all

    select
        both_sides.source_system,
        both_sides.legal_entity_id,
        both_sides.fiscal_period_id,
        'balance' as aspect,
        case
            when both_sides.difference_amount = 0 then null
            when both_sides.lines_functional is null then 'balance_without_lines'
            when both_sides.balance_functional is null then 'lines_without_balance'
            else 'balance_differs'
        end as reason_code,
        both_sides.source_system || '|' || both_sides.account_id || '|' || both_sides.fiscal_period_id as business_key,
        both_sides.account_id,
        both_sides.lines_functional as left_amount,
        both_sides.balance_functional as right_amount,
        both_sides.difference_amount,
        both_sides.difference_group,
        coalesce(both_sides.balance_functional, both_sides.lines_functional) as base_amount,
        least(period.ends_on, {{ as_of() }}) as dated_on,
        'Account ' || both_sides.account_id || ' in ' || both_sides.fiscal_period_id || ': lines add up to '
        || {{ words('both_sides.lines_functional') }} || ', the ledger states ' || {{ words('both_sides.balance_functional') }}
        as message
    from both_sides
    left join {{ ref('dim_fiscal_period') }} as period on period.fiscal_period_id = both_sides.fiscal_period_id

),

tolerance_keys as (

    select distinct legal_entity_id, cast(null as varchar) as category, dated_on as tolerance_date from differences

),

limits as (

    {{ tolerances('C02', 'tolerance_keys', ['journal', 'balance']) }}

),

compared as (

    select
        differences.legal_entity_id,
        differences.fiscal_period_id,
        case
            when not {{ is_within('differences.difference_amount', 'differences.base_amount', 'limits') }}
                then differences.reason_code
        end as reason_code,
        differences.reason_code is null as is_equal,
        differences.aspect,
        differences.business_key,
        differences.source_system as left_system,
        differences.source_system as right_system,
        cast(differences.left_amount as varchar) as left_value,
        cast(differences.right_amount as varchar) as right_value,
        differences.left_amount,
        differences.right_amount,
        differences.difference_amount,
        entity.functional_currency as currency_code,
        differences.difference_amount as amount_functional,
        coalesce(
            cast({{ valued('differences.difference_amount', 'day.rate_group') }} as numeric(28,4)), differences.difference_group
        ) as amount_group,
        cast(null as numeric(28,4)) as quantity_difference,
        cast(null as varchar) as supplier_id,
        differences.account_id,
        cast(null as varchar) as cost_center_id,
        cast(null as varchar) as cell_id,
        differences.dated_on as document_date,
        differences.message || ' (' || entity.functional_currency || ').' as message
    from differences
    left join limits
        on limits.legal_entity_id = differences.legal_entity_id
        and limits.tolerance_date = differences.dated_on
        and limits.aspect = differences.aspect
    left join {{ ref('dim_legal_entity') }} as entity on entity.legal_entity_id = differences.legal_entity_id
    left join {{ ref('int_entity_day') }} as day
        on day.legal_entity_id = differences.legal_entity_id and day.period_day = differences.dated_on

),

-- 5. the journals that balance are counted without being listed
with_balanced as (

    select
        legal_entity_id, fiscal_period_id, aspect, reason_code, is_equal, row_count, amount_functional, amount_group,
        business_key, left_system, right_system, left_value, right_value, left_amount, right_amount, difference_amount,
        currency_code, quantity_difference, supplier_id, account_id, cost_center_id, cell_id, document_date, message
    from ({{ gather('compared', [
        'business_key', 'left_system', 'right_system', 'left_value', 'right_value', 'left_amount', 'right_amount',
        'difference_amount', 'currency_code', 'quantity_difference', 'supplier_id', 'account_id', 'cost_center_id', 'cell_id',
        'document_date', 'message',
    ], []) }}) as gathered

    union all

    select
        balanced_parts.legal_entity_id,
        balanced_parts.fiscal_period_id,
        'journal' as aspect,
        null as reason_code,
        true as is_equal,
        balanced_parts.row_count,
        0 as amount_functional,
        0 as amount_group,
        {% for _ in range(16) %}null{% if not loop.last %}, {% endif %}{% endfor %}
    from balanced_parts

),

final as (

    {{ control_result('C02', 'with_balanced', is_gathered=true) }}

)

{{ cast_to_contract('final') }}
