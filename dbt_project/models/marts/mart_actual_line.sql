{{ config(materialized='incremental', incremental_strategy='scope_replace', on_schema_change='fail') }}

-- 1. accounts of the budget view
with accounts as (

    select
        account.account_id,
        account.account_type
    from {{ ref('dim_account') }} as account
    where {{ is_in_budget_view('account') }}

),

-- 2. ledger lines, and the balances of entities whose ledger supplies no lines
lines as (

    select
        'journal_line' as actual_source,
        lines.legal_entity_id,
        lines.fiscal_period_id,
        lines.source_system,
        lines.record_key,
        lines.journal_no,
        lines.line_no,
        lines.posting_date,
        lines.source_document_type,
        lines.source_document_no,
        lines.source_document_line_no,
        lines.order_no,
        lines.order_line_no,
        lines.cost_center_id,
        lines.account_id,
        lines.project_id,
        {{ segments('lines') }},
        case when accounts.account_type = 'revenue' then -lines.amount_functional else lines.amount_functional end as amount_functional,
        case when accounts.account_type = 'revenue' then -lines.amount_group else lines.amount_group end as amount_group
    from {{ ref('fct_journal_line') }} as lines
    inner join accounts on accounts.account_id = lines.account_id
    where not lines.is_deleted and {{ in_scope('lines') }}

    union all

    select
        'ledger_balance' as actual_source,
        balances.legal_entity_id,
        balances.fiscal_period_id,
        balances.source_system,
        balances.record_key,
        cast(null as varchar) as journal_no,
        cast(null as bigint) as line_no,
        balances.balance_date as posting_date,
        cast(null as varchar) as source_document_type,
        cast(null as varchar) as source_document_no,
        cast(null as bigint) as source_document_line_no,
        cast(null as varchar) as order_no,
        cast(null as bigint) as order_line_no,
        balances.cost_center_id,
        balances.account_id,
        balances.project_id,
        {{ segments('balances') }},
        case when accounts.account_type = 'revenue' then -balances.amount_functional else balances.amount_functional end
            as amount_functional,
        case when accounts.account_type = 'revenue' then -balances.amount_group else balances.amount_group end as amount_group
    from {{ ref('fct_ledger_balance') }} as balances
    inner join accounts on accounts.account_id = balances.account_id
    where not balances.is_deleted and {{ in_scope('balances') }}
        and balances.legal_entity_id not in (
            select distinct lines.legal_entity_id from {{ ref('fct_journal_line') }} as lines where not lines.is_deleted
        )

),

final as (

    select
        lines.*,
        {{ control_cost_center('lines') }} as control_cost_center_id,
        {{ control_account('lines') }} as control_account_id,
        {{ cell_id(
            'lines.legal_entity_id', control_cost_center('lines'), control_account('lines'), 'lines.project_id', 'lines'
        ) }} as cell_id
    from lines
    {{ control_level_joins('lines') }}

)

{{ cast_to_contract('final') }}
