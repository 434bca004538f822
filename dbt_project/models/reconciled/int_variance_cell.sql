{{ config(materialized='incremental', incremental_strategy='scope_replace', on_schema_change='fail') }}

{%- set measures = [
    'actual_functional', 'consumed_functional', 'cost_of_orders_functional', 'cost_in_actual_functional', 'explained_functional',
] %}
{%- for part in variance_parts() %}{% do measures.append(part ~ '_functional') %}{% endfor %}
{%- set cell = [
    'legal_entity_id', 'fiscal_period_id', 'control_cost_center_id', 'control_account_id', 'project_id',
] + segment_columns() %}

-- 1. cost of orders, by coding
with cost as (

    select
        cost.legal_entity_id,
        cost.fiscal_period_id,
        cost.cost_center_id,
        cost.account_id,
        cost.project_id,
        {{ segment_list('cost') }},
        sum(cost.amount_functional) as cost_of_orders_functional,
        sum(case
            when not cost.is_actual then 0
            when account.account_type = 'revenue' then -cost.amount_functional
            else cost.amount_functional
        end) as cost_in_actual_functional
    from {{ ref('int_order_cost') }} as cost
    left join {{ ref('dim_account') }} as account on account.account_id = cost.account_id
    where {{ in_scope('cost') }}
    group by {{ range(1, 12) | join(', ') }}

),

-- 2. the parts, by coding
parts as (

    select
        documents.legal_entity_id,
        documents.fiscal_period_id,
        documents.cost_center_id,
        documents.account_id,
        documents.project_id,
        {{ segment_list('documents') }},
        sum(documents.variance_functional) as explained_functional
        {%- for part in variance_parts() %},
        sum(documents.{{ part }}_functional) as {{ part }}_functional
        {%- endfor %}
    from {{ ref('int_variance_document') }} as documents
    where {{ in_scope('documents') }}
    group by {{ range(1, 12) | join(', ') }}

),

-- 3. both rolled up to the control level, beside what the cell consumed and spent; of entities whose ledger names orders
cells as (

    select
        {% for column in cell %}cells.{{ column }}, {% endfor %}
        cells.actual_functional,
        cells.encumbrance_relieved_functional - cells.encumbrance_reinstated_functional + cells.encumbrance_released_functional
            as consumed_functional
    from {{ ref('int_cell_period') }} as cells
    where {{ in_scope('cells') }}
        and cells.legal_entity_id in (select cost.legal_entity_id from {{ ref('int_order_cost') }} as cost)

),

{%- set has = {
    'cells': ['actual_functional', 'consumed_functional'],
    'cost': ['cost_of_orders_functional', 'cost_in_actual_functional'],
    'parts': measures[4:],
} %}

gathered as (
    {%- for source, own in has.items() %}

    select
        {{ source }}.legal_entity_id,
        {{ source }}.fiscal_period_id,
        {% if source == 'cells' %}cells.control_cost_center_id{% else %}{{ control_cost_center(source) }} as control_cost_center_id{% endif %},
        {% if source == 'cells' %}cells.control_account_id{% else %}{{ control_account(source) }} as control_account_id{% endif %},
        {{ source }}.project_id,
        {{ segment_list(source) }}
        {%- for measure in measures %},
        {% if measure in own %}{{ source }}.{{ measure }}{% else %}cast(0 as numeric(28,4)){% endif %} as {{ measure }}
        {%- endfor %}
    from {{ source }}
    {%- if source != 'cells' %}
    {{ control_level_joins(source) }}
    {%- endif %}
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

summed as (

    select
        {{ cell | join(', ') }}
        {%- for measure in measures %},
        sum({{ measure }}) as {{ measure }}
        {%- endfor %}
    from gathered
    group by {{ range(1, 1 + cell | length) | join(', ') }}

),

final as (

    select
        {{ cell_id('legal_entity_id', 'control_cost_center_id', 'control_account_id', 'project_id') }} as cell_id,
        summed.*
    from summed
    where {% for measure in measures %}{{ measure }} <> 0{% if not loop.last %} or {% endif %}{% endfor %}

)

{{ cast_to_contract('final') }}
