{#- The deployment's segments; those that it does not name are not grouped by. -#}
{% macro segment_columns() -%}
    {{ return(['segment_1', 'segment_2', 'segment_3', 'segment_4', 'segment_5', 'segment_6']) }}
{%- endmacro %}

{% macro segments(alias) -%}
    {%- for segment in finance_sync.segment_columns() -%}
    {%- if segment in var('segments', {}) %}coalesce({{ alias }}.{{ segment }}, 'NONE'){% else %}'NONE'{% endif %} as {{ segment }}
    {%- if not loop.last %},
        {% endif %}
    {%- endfor -%}
{%- endmacro %}

{#- The same as [name, expression], for `named`. -#}
{% macro segment_pairs() -%}
    {%- set pairs = [] -%}
    {%- for segment in finance_sync.segment_columns() -%}
    {%- do pairs.append([segment, "coalesce(" ~ segment ~ ", 'NONE')" if segment in var('segments', {}) else "'NONE'"]) -%}
    {%- endfor -%}
    {{ return(pairs) }}
{%- endmacro %}

{% macro segment_list(alias) -%}
    {%- for segment in finance_sync.segment_columns() -%}{{ alias ~ '.' if alias }}{{ segment }}{% if not loop.last %}, {% endif %}{%- endfor -%}
{%- endmacro %}


{#- Where availability is checked for a cost center and an account (SPEC 4); a code without a row is its own control level. -#}
{% macro control_level_joins(alias) -%}
    left join {{ source('reference', 'control_levels') }} as cost_center_level
        on cost_center_level.kind = 'cost_center' and cost_center_level.code = {{ alias }}.cost_center_id
    left join {{ source('reference', 'control_levels') }} as account_level
        on account_level.kind = 'account' and account_level.code = {{ alias }}.account_id
{%- endmacro %}

{% macro control_cost_center(alias) -%}
    coalesce(cost_center_level.control_code, {{ alias }}.cost_center_id)
{%- endmacro %}

{% macro control_account(alias) -%}
    coalesce(account_level.control_code, {{ alias }}.account_id)
{%- endmacro %}


{#- Identity of a control cell: entity, control cost center, control account, project and segments. -#}
{% macro cell_id(entity, cost_center, account, project, segments_alias='') -%}
    md5(
            {{ entity }} || '|' || {{ cost_center }} || '|' || {{ account }} || '|' || {{ project }}
            {%- for segment in finance_sync.segment_columns() %}
            {%- if segment in var('segments', {}) %} || '|' || coalesce({{ segments_alias ~ '.' if segments_alias }}{{ segment }}, 'NONE')
            {%- else %} || '|NONE'{% endif %}
            {%- endfor %}
        )
{%- endmacro %}


{#-
  Predicate: postings on the account count in the budget marts. Accounts without budget control do not; UNMAPPED and NONE do,
  so that spending whose account is not known is shown.
-#}
{% macro is_in_budget_view(account) -%}
    ({{ account }}.is_budget_controlled or {{ account }}.account_id in ('UNMAPPED', 'NONE') or {{ account }}.account_id is null)
{%- endmacro %}


{#-
  Documents that their currency leaves without a functional amount (C19): budget lines in force, requisition and order lines that count.
  Yields kind, record_key, legal_entity_id, fiscal_period_id, currency_code, amount_txn, cell_id.
-#}
{% macro documents_without_rate() -%}
    {%- for kind, fact, key, condition in [
        ('order', 'fct_purchase_order_line', 'record_key', "lines.line_status not in ('draft', 'pending', 'rejected')"),
        ('requisition', 'fct_requisition_line', 'record_key', "lines.line_status not in ('draft', 'submitted', 'rejected')"),
        ('budget', 'fct_budget_line', 'line_key', 'lines.is_effective'),
    ] -%}
    {% if not loop.first %}

        union all

        {% endif -%}
        select
            '{{ kind }}' as kind,
            lines.{{ key }} as record_key,
            lines.legal_entity_id,
            lines.fiscal_period_id,
            lines.currency_code,
            lines.amount_txn,
            {{ finance_sync.cell_id(
                'lines.legal_entity_id', finance_sync.control_cost_center('lines'), finance_sync.control_account('lines'),
                'lines.project_id', 'lines'
            ) }} as cell_id
        from {{ ref(fact) }} as lines
        {{ finance_sync.control_level_joins('lines') }}
        where lines.amount_functional is null and not lines.is_deleted and lines.legal_entity_id <> 'UNMAPPED' and {{ condition }}
    {%- endfor %}
{%- endmacro %}
