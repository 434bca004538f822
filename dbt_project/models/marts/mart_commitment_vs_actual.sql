{{ config(materialized='incremental', incremental_strategy='scope_replace', on_schema_change='fail') }}

{%- set movements = ['budget_functional', 'budget_group', 'actual_functional', 'actual_group'] %}
{%- set commitments = [] %}
{%- for kind in ['pre_encumbrance', 'encumbrance'] %}
{%- for measure in commitment_moves(kind).values() %}{% do commitments.append(measure.name ~ '_functional') %}{% endfor %}
{%- endfor %}
{%- set movements = movements + commitments %}
{%- set balances = [
    'pre_encumbrance_change_functional', 'encumbrance_change_functional',
    'pre_encumbrance_change_group', 'encumbrance_change_group',
] %}

-- 1. movements per cell and period, with the period's place in its calendar
with cells as (

    select
        cells.*,
        entity.calendar_id,
        entity.functional_currency,
        period.fiscal_year,
        period.ordinal
    from {{ ref('int_cell_period') }} as cells
    inner join {{ ref('dim_legal_entity') }} as entity on entity.legal_entity_id = cells.legal_entity_id
    inner join {{ ref('dim_fiscal_period') }} as period on period.fiscal_period_id = cells.fiscal_period_id

),

-- 2. the first period to look at per calendar: the first of the earliest fiscal year that is rebuilt. What was before enters as
--    one opening balance.
starts as (

    select period.calendar_id, min(period.ordinal) as ordinal
    from {{ ref('dim_fiscal_period') }} as period
    {%- if is_incremental() %}
    where (period.calendar_id, period.fiscal_year) in (
        select open_period.calendar_id, min(open_period.fiscal_year)
        from {{ ref('dim_fiscal_period') }} as open_period
        inner join {{ source('meta', 'build_scope') }} as scope on scope.fiscal_period_id = open_period.fiscal_period_id
        where open_period.fiscal_year is not null
        group by open_period.calendar_id
    )
    {%- endif %}
    group by period.calendar_id

),

carried as (

    select
        cells.cell_id
        {%- for measure in balances %},
        sum(cells.{{ measure }}) as {{ measure }}
        {%- endfor %}
    from cells
    inner join starts on starts.calendar_id = cells.calendar_id
    where cells.ordinal < starts.ordinal
    group by cells.cell_id

),

-- 3. each cell with each normal period from its first movement to its last or to the business date, and the closing periods in
--    which it moved
spans as (

    select
        cells.cell_id,
        cells.legal_entity_id,
        cells.control_cost_center_id,
        cells.control_account_id,
        cells.project_id,
        {{ segment_list('cells') }},
        cells.calendar_id,
        cells.functional_currency,
        greatest(min(cells.ordinal), min(starts.ordinal)) as first_ordinal,
        greatest(max(cells.ordinal), coalesce(min(today.ordinal), 0)) as last_ordinal
    from cells
    left join starts on starts.calendar_id = cells.calendar_id
    left join {{ ref('dim_fiscal_period') }} as today
        on today.calendar_id = cells.calendar_id and today.kind = 'normal'
        and today.starts_on <= {{ as_of() }} and today.ends_on >= {{ as_of() }}
    group by {{ range(1, 14) | join(', ') }}

),

grid as (

    select
        spans.*,
        period.fiscal_period_id,
        period.fiscal_year,
        period.ordinal,
        period.starts_on
    from spans
    inner join {{ ref('dim_fiscal_period') }} as period
        on period.calendar_id = spans.calendar_id
        and period.kind = 'normal'
        and period.ordinal >= spans.first_ordinal
        and period.ordinal <= spans.last_ordinal

    union all

    select
        spans.*,
        period.fiscal_period_id,
        period.fiscal_year,
        period.ordinal,
        period.starts_on
    from spans
    inner join cells on cells.cell_id = spans.cell_id
    inner join {{ ref('dim_fiscal_period') }} as period
        on period.fiscal_period_id = cells.fiscal_period_id and period.kind <> 'normal'
    where period.kind = 'unmapped' or period.ordinal >= spans.first_ordinal

),

-- 4. movements put on the grid, then balances and year to date
filled as (

    select
        grid.*,
        coalesce(cells.budget_rows, 0) + coalesce(cells.actual_rows, 0) as row_count
        {%- for measure in movements + balances %},
        coalesce(cells.{{ measure }}, 0) as {{ measure }}
        {%- endfor %}
        {%- for measure in balances %},
        coalesce(carried.{{ measure }}, 0) as carried_{{ measure }}
        {%- endfor %}
    from grid
    left join cells
        on cells.cell_id = grid.cell_id and cells.fiscal_period_id = grid.fiscal_period_id
    left join carried on carried.cell_id = grid.cell_id

),

running as (

    select
        filled.*
        {%- for measure in balances %},
        filled.carried_{{ measure }} + sum(filled.{{ measure }}) over so_far as {{ measure | replace('change', 'closing') }}
        {%- endfor %}
        {%- for measure in movements %},
        sum(filled.{{ measure }}) over year_to_date as ytd_{{ measure }}
        {%- endfor %},
        sum(filled.budget_functional) over full_year as year_budget_functional,
        sum(filled.budget_group) over full_year as year_budget_group,
        sum(filled.row_count) over full_year as year_row_count
    from filled
    window
        so_far as (
            partition by filled.cell_id order by filled.ordinal rows between unbounded preceding and current row
        ),
        year_to_date as (
            partition by filled.cell_id, filled.fiscal_year order by filled.ordinal
            rows between unbounded preceding and current row
        ),
        full_year as (partition by filled.cell_id, filled.fiscal_year)

),

scoped as (

    select running.*
    from running
    -- a cell that has neither figures in the fiscal year nor anything open is not shown
    where {{ in_scope('running') }}
        and (
            running.year_row_count > 0
            or running.pre_encumbrance_closing_functional <> 0
            or running.encumbrance_closing_functional <> 0
            {%- for measure in commitments %}
            or running.ytd_{{ measure }} <> 0
            {%- endfor %}
        )

),

-- 5. what is in doubt
doubts as (

    select cell_id, fiscal_period_id, amount_functional, exception_count from {{ ref('int_cell_doubt') }}

),

-- 6. the window in which availability is checked
policy_keys as (

    select distinct legal_entity_id, cast(null as varchar) as line_type, coalesce(starts_on, {{ as_of() }}) as policy_date
    from scoped

),

windows as (

    {{ policy_values('funds_window', 'policy_keys', 'year_to_date') }}

),

final as (

    select
        scoped.*,
        scoped.functional_currency as currency_code,
        account.account_name as control_account_name,
        coalesce(account.account_type, 'none') as account_type,
        {%- for kind in ['pre_encumbrance', 'encumbrance'] %}
        {%- for currency in ['functional', 'group'] %}
        scoped.{{ kind }}_closing_{{ currency }} - scoped.{{ kind }}_change_{{ currency }} as {{ kind }}_opening_{{ currency }},
        {%- endfor %}
        {%- endfor %}
        windows.policy_value as funds_window,
        {%- for currency in ['functional', 'group'] %}
        case windows.policy_value
            when 'period' then scoped.budget_{{ currency }} - scoped.actual_{{ currency }}
            when 'year_to_date' then scoped.ytd_budget_{{ currency }} - scoped.ytd_actual_{{ currency }}
            else scoped.year_budget_{{ currency }} - scoped.ytd_actual_{{ currency }}
        end - scoped.pre_encumbrance_closing_{{ currency }} - scoped.encumbrance_closing_{{ currency }}
            as funds_available_{{ currency }},
        {%- endfor %}
        coalesce(doubts.amount_functional, 0) as amount_in_question_functional,
        coalesce(doubts.exception_count, 0) as exceptions_in_question
    from scoped
    left join doubts
        on doubts.cell_id = scoped.cell_id and doubts.fiscal_period_id = scoped.fiscal_period_id
    left join {{ ref('dim_account') }} as account on account.account_id = scoped.control_account_id
    left join windows
        on windows.legal_entity_id = scoped.legal_entity_id
        and windows.policy_date = coalesce(scoped.starts_on, {{ as_of() }})

)

{{ cast_to_contract('final') }}
