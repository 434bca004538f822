{{ config(materialized='incremental', incremental_strategy='scope_replace', on_schema_change='fail') }}

with cells as (

    select
        cells.*,
        period.fiscal_year,
        period.ordinal,
        sum(cells.budget_functional) over year_to_date as ytd_budget_functional,
        sum(cells.actual_functional) over year_to_date as ytd_actual_functional,
        sum(cells.budget_group) over year_to_date as ytd_budget_group,
        sum(cells.actual_group) over year_to_date as ytd_actual_group,
        sum(cells.budget_functional) over full_year as year_budget_functional,
        sum(cells.budget_rows) over full_year as year_budget_rows
    from {{ ref('int_cell_period') }} as cells
    inner join {{ ref('dim_fiscal_period') }} as period on period.fiscal_period_id = cells.fiscal_period_id
    where cells.budget_rows + cells.actual_rows > 0
    window
        year_to_date as (
            partition by cells.cell_id, period.fiscal_year order by period.ordinal
            rows between unbounded preceding and current row
        ),
        full_year as (partition by cells.cell_id, period.fiscal_year)

),

final as (

    select
        cells.*,
        entity.functional_currency as currency_code,
        account.account_name as control_account_name,
        coalesce(account.account_type, 'none') as account_type,
        cells.budget_rows > 0 as has_budget,
        cells.actual_rows > 0 as has_actual,
        cells.budget_functional - cells.actual_functional as variance_functional,
        cells.budget_group - cells.actual_group as variance_group,
        cells.ytd_budget_functional - cells.ytd_actual_functional as ytd_variance_functional,
        case
            when cells.year_budget_rows = 0 then 'actual_without_budget'
            when cells.actual_rows = 0 then 'budget_without_actual'
            when cells.actual_functional > cells.budget_functional then 'over_budget'
            else 'within_budget'
        end as budget_status
    from cells
    left join {{ ref('dim_legal_entity') }} as entity on entity.legal_entity_id = cells.legal_entity_id
    left join {{ ref('dim_account') }} as account on account.account_id = cells.control_account_id
    where {{ in_scope('cells') }}

)

{{ cast_to_contract('final') }}
