{{ config(materialized='incremental', incremental_strategy='scope_replace', on_schema_change='fail') }}

{%- set measures = ['actual', 'cost_without_order', 'cost_of_orders', 'commitment_consumed', 'variance'] + variance_parts() %}

with cells as (

    select
        cells.*,
        period.fiscal_year,
        period.ordinal,
        cells.consumed_functional as commitment_consumed_functional,
        cells.actual_functional - cells.cost_in_actual_functional as cost_without_order_functional,
        cells.cost_of_orders_functional - cells.consumed_functional as variance_functional
    from {{ ref('int_variance_cell') }} as cells
    inner join {{ ref('dim_fiscal_period') }} as period on period.fiscal_period_id = cells.fiscal_period_id

),

running as (

    select
        cells.*
        {%- for measure in measures %},
        sum(cells.{{ measure }}_functional) over year_to_date as ytd_{{ measure }}_functional
        {%- endfor %}
    from cells
    window year_to_date as (
        partition by cells.cell_id, cells.fiscal_year order by cells.ordinal rows between unbounded preceding and current row
    )

),

final as (

    select
        running.*,
        entity.functional_currency as currency_code,
        account.account_name as control_account_name
    from running
    left join {{ ref('dim_legal_entity') }} as entity on entity.legal_entity_id = running.legal_entity_id
    left join {{ ref('dim_account') }} as account on account.account_id = running.control_account_id
    where {{ in_scope('running') }}

)

{{ cast_to_contract('final') }}
