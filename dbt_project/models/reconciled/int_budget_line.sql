{{ config(materialized='incremental', incremental_strategy='scope_replace', on_schema_change='fail') }}

-- read in nights: depends_on: {{ ref('dim_legal_entity') }}, {{ ref('dim_fiscal_period') }}
{%- set identity = [
    'legal_entity_id', 'source_system', 'record_key', 'line_key', 'version_code', 'version_kind', 'cost_center_id', 'account_id',
    'project_id',
] + segment_columns() + ['currency_code'] %}

-- 1. lines in force: of approved or locked versions only (SPEC 4). Statistical accounts count units, not money.
with effective as (

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
    where lines.is_effective and coalesce(account.account_type, 'none') <> 'statistical'

),
{%- if is_incremental() %}

-- 2. periods that are not rebuilt do not move. What is in force for them now and was not when they were counted (approved late, changed,
--    withdrawn) counts in the next period of the same year that is rebuilt; a year without one is closed, and stays as it is.
entity_periods as (

    select
        entity.legal_entity_id,
        period.fiscal_period_id,
        period.fiscal_year,
        period.starts_on,
        scope.fiscal_period_id is not null as is_rebuilt
    from {{ ref('dim_legal_entity') }} as entity
    inner join {{ ref('dim_fiscal_period') }} as period
        on period.calendar_id = entity.calendar_id and period.kind = 'normal'
    left join {{ source('meta', 'build_scope') }} as scope
        on scope.legal_entity_id = entity.legal_entity_id and scope.fiscal_period_id = period.fiscal_period_id

),

next_rebuilt as (

    select
        closed.legal_entity_id,
        closed.fiscal_period_id as closed_period_id,
        opened.fiscal_period_id,
        row_number() over (
            partition by closed.legal_entity_id, closed.fiscal_period_id order by opened.starts_on
        ) as place
    from entity_periods as closed
    inner join entity_periods as opened
        on opened.legal_entity_id = closed.legal_entity_id
        and opened.fiscal_year = closed.fiscal_year
        and opened.is_rebuilt
        and opened.starts_on > closed.starts_on
    where not closed.is_rebuilt

),

closed_parts as (

    select {{ identity | join(', ') }}, fiscal_period_id, version_status, amount_txn, amount_functional, amount_group
    from effective
    where not {{ in_scope('effective') }}

    union all

    select
        {{ identity | join(', ') }}, fiscal_period_id, version_status, -amount_txn as amount_txn,
        -amount_functional as amount_functional, -amount_group as amount_group
    from {{ this }} as stored
    where not {{ in_scope('stored') }}

),

late as (

    select
        {% for column in identity %}parts.{{ column }}, {% endfor %}
        next_rebuilt.fiscal_period_id,
        max(parts.version_status) as version_status,
        sum(parts.amount_txn) as amount_txn,
        sum(parts.amount_functional) as amount_functional,
        sum(parts.amount_group) as amount_group
    from closed_parts as parts
    inner join next_rebuilt
        on next_rebuilt.legal_entity_id = parts.legal_entity_id
        and next_rebuilt.closed_period_id = parts.fiscal_period_id
        and next_rebuilt.place = 1
    group by {{ range(1, identity | length + 2) | join(', ') }}
    having sum(parts.amount_txn) <> 0 or sum(parts.amount_functional) <> 0 or sum(parts.amount_group) <> 0

),
{%- endif %}

counted as (

    select
        {{ identity | join(', ') }}, fiscal_period_id, version_status, amount_txn, amount_functional, amount_group,
        cast(null as varchar) as reason,
        0 as sequence_no
    from effective
    where {{ in_scope('effective') }}
    {%- if is_incremental() %}

    union all

    select
        {{ identity | join(', ') }}, fiscal_period_id, version_status, amount_txn, amount_functional, amount_group,
        'late' as reason,
        row_number() over (
            partition by legal_entity_id, fiscal_period_id, line_key order by {{ identity | join(', ') }}
        ) as sequence_no
    from late
    {%- endif %}

),

final as (

    select
        lines.*,
        {{ control_cost_center('lines') }} as control_cost_center_id,
        {{ control_account('lines') }} as control_account_id,
        {{ cell_id(
            'lines.legal_entity_id', control_cost_center('lines'), control_account('lines'), 'lines.project_id', 'lines'
        ) }} as cell_id
    from counted as lines
    {{ control_level_joins('lines') }}

)

{{ cast_to_contract('final') }}
