{{ config(materialized='incremental', incremental_strategy='scope_replace', on_schema_change='fail') }}

{%- set measures = [
    'budget_original_functional', 'budget_adjustment_functional', 'budget_transfer_functional',
    'budget_carry_forward_functional', 'budget_functional', 'budget_group', 'budget_rows',
] + commitment_measures('pre_encumbrance') + commitment_measures('encumbrance') + [
    'actual_functional', 'actual_group', 'actual_rows',
] %}

-- 1. effective budget
with budget as (

    select
        lines.legal_entity_id,
        lines.fiscal_period_id,
        lines.cost_center_id,
        lines.account_id,
        lines.project_id,
        {{ segments('lines') }},
        sum(case when lines.version_kind = 'original' then lines.amount_functional end) as budget_original_functional,
        sum(case when lines.version_kind = 'adjustment' then lines.amount_functional end) as budget_adjustment_functional,
        sum(case when lines.version_kind = 'transfer' then lines.amount_functional end) as budget_transfer_functional,
        sum(case when lines.version_kind = 'carry_forward' then lines.amount_functional end)
            as budget_carry_forward_functional,
        sum(lines.amount_functional) as budget_functional,
        sum(lines.amount_group) as budget_group,
        count(*) as budget_rows
    from {{ ref('int_budget_line') }} as lines
    where {{ in_scope('lines') }}
    group by {{ range(1, 12) | join(', ') }}

),

-- 2. commitments by movement, under the coding that each movement bears
commitments as (

    select
        movements.legal_entity_id,
        movements.fiscal_period_id,
        movements.cost_center_id,
        movements.account_id,
        movements.project_id,
        {{ segment_list('movements') }}
        {%- for kind in ['pre_encumbrance', 'encumbrance'] %}
        {%- for type, measure in commitment_moves(kind).items() %},
        sum(case
            when movements.commitment_kind = '{{ kind }}' and movements.movement_type = '{{ type }}'
                then {{ measure.sign }}movements.amount_functional
        end) as {{ measure.name }}_functional
        {%- endfor %}
        {%- for currency in ['functional', 'group'] %},
        sum(case when movements.commitment_kind = '{{ kind }}' then movements.amount_{{ currency }} end)
            as {{ kind }}_change_{{ currency }}
        {%- endfor %}
        {%- endfor %}
    from {{ ref('fct_commitment_movement') }} as movements
    where {{ in_scope('movements') }}
    group by {{ range(1, 12) | join(', ') }}

),

-- 3. actuals in the budget's sign: spending positive, and on revenue accounts income positive
actual as (

    select
        actual.legal_entity_id,
        actual.fiscal_period_id,
        actual.cost_center_id,
        actual.account_id,
        actual.project_id,
        {{ segments('actual') }},
        sum(case when account.account_type = 'revenue' then -actual.amount_functional else actual.amount_functional end)
            as actual_functional,
        sum(case when account.account_type = 'revenue' then -actual.amount_group else actual.amount_group end)
            as actual_group,
        sum(actual.row_count) as actual_rows
    from {{ ref('int_actual') }} as actual
    left join {{ ref('dim_account') }} as account on account.account_id = actual.account_id
    where {{ in_scope('actual') }} and {{ is_in_budget_view('account') }}
    group by {{ range(1, 12) | join(', ') }}

),

{#- One set of columns for all three; what a source has nothing to say about is NULL there. #}
{%- set has = {
    'budget': measures[:7], 'commitments': measures[7:-3], 'actual': measures[-3:],
} %}

movements as (
    {%- for source, own in has.items() %}

    select
        legal_entity_id,
        fiscal_period_id,
        cost_center_id,
        account_id,
        project_id,
        {{ segment_list('') }}
        {%- for measure in measures %},
        {% if measure in own %}{{ measure }}{% else %}cast(null as {{ 'bigint' if measure.endswith('_rows') else 'numeric(28,4)' }}){% endif %} as {{ measure }}
        {%- endfor %}
    from {{ source }}
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

-- 4. rolled up to where availability is checked
rolled_up as (

    select
        movements.legal_entity_id,
        movements.fiscal_period_id,
        {{ control_cost_center('movements') }} as control_cost_center_id,
        {{ control_account('movements') }} as control_account_id,
        movements.project_id,
        {{ segment_list('movements') }}
        {%- for measure in measures %},
        coalesce(sum(movements.{{ measure }}), 0) as {{ measure }}
        {%- endfor %}
    from movements
    {{ control_level_joins('movements') }}
    group by {{ range(1, 12) | join(', ') }}

),

final as (

    select
        {{ cell_id('legal_entity_id', 'control_cost_center_id', 'control_account_id', 'project_id') }} as cell_id,
        rolled_up.*
    from rolled_up

)

{{ cast_to_contract('final') }}
