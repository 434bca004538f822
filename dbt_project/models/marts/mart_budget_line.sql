{{ config(materialized='incremental', incremental_strategy='scope_replace', on_schema_change='fail') }}

with lines as (

    select
        lines.legal_entity_id,
        lines.fiscal_period_id,
        lines.source_system,
        lines.record_key,
        lines.line_key,
        lines.version_code,
        lines.version_kind,
        lines.version_status,
        lines.cost_center_id,
        lines.account_id,
        lines.project_id,
        {{ segments('lines') }},
        lines.currency_code,
        lines.amount_txn,
        lines.amount_functional,
        lines.amount_group
    from {{ ref('fct_budget_line') }} as lines
    left join {{ ref('dim_account') }} as account on account.account_id = lines.account_id
    where lines.is_effective and {{ in_scope('lines') }} and coalesce(account.account_type, 'none') <> 'statistical'

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
