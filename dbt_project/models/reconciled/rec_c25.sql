{{ config(materialized='incremental', incremental_strategy='scope_replace', on_schema_change='fail') }}

-- 1. cells of budget-controlled accounts, with whether the fiscal year has any effective budget for them
with cells as (

    select
        cells.*,
        period.fiscal_year,
        coalesce(period.starts_on, {{ as_of() }}) as starts_on,
        coalesce(account.account_type, 'none') as account_type,
        sum(cells.budget_rows) over (partition by cells.cell_id, period.fiscal_year) as budget_rows_of_year
    from {{ ref('int_cell_period') }} as cells
    inner join {{ ref('dim_fiscal_period') }} as period on period.fiscal_period_id = cells.fiscal_period_id
    -- a control level may be a code that is in no chart: it is controlled by being one
    left join {{ ref('dim_account') }} as account on account.account_id = cells.control_account_id
    where cells.control_account_id not in ('UNMAPPED', 'NONE') and coalesce(account.is_budget_controlled, true)

),

tolerance_keys as (

    select distinct legal_entity_id, account_type as category, starts_on as tolerance_date from cells

),

limits as (

    {{ tolerances('C25', 'tolerance_keys', ['budget']) }}

),

-- 2. budget of the period against actual of the period
judged as (

    select
        cells.*,
        entity.functional_currency,
        cells.budget_functional - cells.actual_functional as difference_amount,
        cells.budget_group - cells.actual_group as difference_group,
        case
            when cells.budget_rows_of_year = 0 then cells.actual_functional <> 0
            else cells.actual_functional > cells.budget_functional
        end as is_different,
        {{ is_within('(cells.budget_functional - cells.actual_functional)', 'cells.budget_functional', 'limits') }} as is_tolerable
    from cells
    left join {{ ref('dim_legal_entity') }} as entity on entity.legal_entity_id = cells.legal_entity_id
    inner join limits
        on limits.legal_entity_id = cells.legal_entity_id
        and limits.category = cells.account_type
        and limits.tolerance_date = cells.starts_on
    where cells.budget_rows + cells.actual_rows > 0 and {{ in_scope('cells') }}

),

compared as (

    select
        judged.legal_entity_id,
        judged.fiscal_period_id,
        case
            when not judged.is_different or judged.is_tolerable then null
            when judged.budget_rows_of_year = 0 then 'actual_without_budget'
            else 'over_budget'
        end as reason_code,
        not judged.is_different as is_equal,
        'budget' as aspect,
        judged.control_cost_center_id || '|' || judged.control_account_id || '|' || judged.project_id
        {%- for segment in segment_columns() %} || '|' || judged.{{ segment }}{% endfor %}
        || '|' || judged.fiscal_period_id as business_key,
        cast(null as varchar) as left_system,
        cast(null as varchar) as right_system,
        cast(judged.budget_functional as varchar) as left_value,
        cast(judged.actual_functional as varchar) as right_value,
        judged.budget_functional as left_amount,
        judged.actual_functional as right_amount,
        judged.difference_amount,
        judged.functional_currency as currency_code,
        case when judged.is_different then judged.difference_amount else 0 end as amount_functional,
        case when judged.is_different then judged.difference_group else 0 end as amount_group,
        cast(null as numeric(28,4)) as quantity_difference,
        cast(null as varchar) as supplier_id,
        judged.control_account_id as account_id,
        judged.control_cost_center_id as cost_center_id,
        judged.cell_id,
        judged.starts_on as document_date,
        'Cost center ' || judged.control_cost_center_id || ', account ' || judged.control_account_id || ': actual '
        || cast(judged.actual_functional as varchar) || ' against '
        || case
            when judged.budget_rows_of_year = 0 then 'no budget in the fiscal year'
            else 'a budget of ' || cast(judged.budget_functional as varchar)
        end
        || ' (' || judged.functional_currency || ').' as message
    from judged

),

final as (

    {{ control_result('C25') }}

)

{{ cast_to_contract('final') }}
