{{ config(materialized='incremental', incremental_strategy='scope_replace', on_schema_change='fail') }}

-- 1. ledger lines; every posted line counts, accruals included
with journal_lines as (

    select
        lines.legal_entity_id,
        lines.fiscal_period_id,
        lines.source_system,
        lines.account_id,
        lines.cost_center_id,
        lines.project_id,
        {{ segments('lines') }},
        sum(lines.amount_functional) as amount_functional,
        sum(lines.amount_group) as amount_group,
        count(*) as row_count
    from {{ ref('fct_journal_line') }} as lines
    where not lines.is_deleted and {{ in_scope('lines') }}
    group by {{ range(1, 13) | join(', ') }}

),

-- 2. period balances, for entities whose ledger supplies no lines
balances as (

    select
        balances.legal_entity_id,
        balances.fiscal_period_id,
        balances.source_system,
        balances.account_id,
        balances.cost_center_id,
        balances.project_id,
        {{ segments('balances') }},
        sum(balances.amount_functional) as amount_functional,
        sum(balances.amount_group) as amount_group,
        count(*) as row_count
    from {{ ref('fct_ledger_balance') }} as balances
    where not balances.is_deleted and {{ in_scope('balances') }}
        and balances.legal_entity_id not in (
            select distinct lines.legal_entity_id from {{ ref('fct_journal_line') }} as lines where not lines.is_deleted
        )
    group by {{ range(1, 13) | join(', ') }}

),

final as (

    select 'journal_line' as actual_source, * from journal_lines
    union all
    select 'ledger_balance' as actual_source, * from balances

)

{{ cast_to_contract('final') }}
