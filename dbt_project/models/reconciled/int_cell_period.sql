{{ config(materialized='incremental', incremental_strategy='scope_replace', on_schema_change='fail') }}

{%- set measures = [
    'budget_original_functional', 'budget_adjustment_functional', 'budget_transfer_functional',
    'budget_carry_forward_functional', 'budget_functional', 'budget_group', 'budget_rows',
    'pre_encumbrance_new_functional', 'pre_encumbrance_relieved_functional', 'pre_encumbrance_released_functional',
    'pre_encumbrance_change_group',
    'encumbrance_obligated_functional', 'encumbrance_relieved_functional', 'encumbrance_released_functional',
    'encumbrance_change_group',
    'actual_functional', 'actual_group', 'actual_rows',
] %}

-- 1. effective budget: approved or locked versions only (SPEC 4)
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
    from {{ ref('fct_budget_line') }} as lines
    left join {{ ref('dim_account') }} as account on account.account_id = lines.account_id
    where lines.is_effective and {{ in_scope('lines') }}
        -- statistical accounts count units, not money
        and coalesce(account.account_type, 'none') <> 'statistical'
    group by {{ range(1, 12) | join(', ') }}

),

-- 2. commitments by movement, with the coding of the line that they belong to
events as (

    select
        events.*,
        coding.cost_center_id,
        coding.account_id,
        coding.project_id,
        {{ segment_list('coding') }}
    from {{ ref('int_commitment_event') }} as events
    inner join (
        select 'encumbrance' as commitment_kind, record_key, cost_center_id, account_id, project_id, {{ segment_list('') }}
        from {{ ref('fct_purchase_order_line') }}
        union all
        select 'pre_encumbrance' as commitment_kind, record_key, cost_center_id, account_id, project_id, {{ segment_list('') }}
        from {{ ref('fct_requisition_line') }}
    ) as coding
        on coding.record_key = events.record_key and coding.commitment_kind = events.commitment_kind
    where {{ in_scope('events') }}

),

commitments as (

    select
        events.legal_entity_id,
        events.fiscal_period_id,
        events.cost_center_id,
        events.account_id,
        events.project_id,
        {{ segments('events') }},
        {%- for kind, opening in [('pre_encumbrance', 'reserve'), ('encumbrance', 'obligate')] %}
        sum(case
            when events.commitment_kind = '{{ kind }}' and events.event_type = '{{ opening }}' then events.amount_functional
        end) as {{ kind }}_{{ 'new' if kind == 'pre_encumbrance' else 'obligated' }}_functional,
        sum(case
            when events.commitment_kind = '{{ kind }}' and events.event_type in ('relieve', 'reinstate')
                then -events.amount_functional
        end) as {{ kind }}_relieved_functional,
        sum(case
            when events.commitment_kind = '{{ kind }}' and events.event_type = 'release' then -events.amount_functional
        end) as {{ kind }}_released_functional,
        sum(case when events.commitment_kind = '{{ kind }}' then events.amount_group end) as {{ kind }}_change_group
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from events
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
    'budget': measures[:7], 'commitments': measures[7:15], 'actual': measures[15:],
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
