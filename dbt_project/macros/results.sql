{#-
  The result of a comparison, in the columns that all rec_ models share: one row per comparison that does not hold, and one row
  per (entity, period, status, aspect) that counts those that do (row_count).

  Reads the CTE `compared`: one row per comparison.
    reason_code  names what does not hold (NULL: it holds); its status comes from the controls table
    is_equal     true when nothing differs at all, else the comparison holds within its tolerance.
  is_gathered: the CTE has been through `gather` already, which a large comparison does before it makes texts; it has row_count.
  Rows of other periods than the build's, and all rows of a control that is not applicable, are left out.
-#}
{% macro control_result(control_id, compared='compared', is_gathered=false) -%}
    {%- set details = [
        'business_key', 'left_system', 'right_system', 'left_value', 'right_value', 'left_amount', 'right_amount',
        'difference_amount', 'currency_code', 'quantity_difference', 'supplier_id', 'account_id', 'cost_center_id', 'cell_id',
        'document_date', 'message',
    ] -%}
    select
        '{{ control_id }}' as control_id,
        compared.legal_entity_id,
        compared.fiscal_period_id,
        -- a reason that the controls table does not know is a mistake of this model: NOT NULL on status stops the build
        case
            when compared.reason_code is not null then reason.status
            when compared.is_equal then 'matched'
            else 'within_tolerance'
        end as status,
        compared.reason_code,
        compared.aspect,
        compared.row_count,
        abs(compared.amount_functional) as amount_functional,
        abs(compared.amount_group) as amount_group,
        {% for column in details %}compared.{{ column }}{% if not loop.last %},
        {% endif %}{% endfor %}
    from {% if is_gathered %}{{ compared }}{% else %}(
        {{ finance_sync.gather(compared, details, []) }}
    ){% endif %} as compared
    left join {{ source('meta', 'control_reason') }} as reason
        on reason.control_id = '{{ control_id }}' and reason.reason_code = compared.reason_code
    where {{ finance_sync.is_applicable(control_id) }} and {{ finance_sync.in_scope('compared') }}
{%- endmacro %}


{#-
  Comparisons of a CTE put together in one pass: those that do not hold stay single (their `key` is kept), those that hold are counted
  per entity, period, aspect and whether anything differs. Large inputs pass once, and their texts are made for what fails only.
  `keys`: columns that identify a comparison; `measures`: columns that are kept of those that fail.
-#}
{% macro gather(compared, keys, measures, dates=[]) -%}
    select
        legal_entity_id,
        fiscal_period_id,
        aspect,
        reason_code,
        is_equal
        {%- for key in keys %},
        case when reason_code is not null then {{ key }} end as {{ key }}
        {%- endfor %},
        count(*) as row_count,
        sum(abs(amount_functional)) as amount_functional,
        sum(abs(amount_group)) as amount_group
        {%- for measure in measures %},
        sum(case when reason_code is not null then {{ measure }} end) as {{ measure }}
        {%- endfor %}
        {%- for date in dates %},
        min(case when reason_code is not null then {{ date }} end) as {{ date }}
        {%- endfor %}
    from {{ compared }}
    group by {{ range(1, 6 + keys | length) | join(', ') }}
{%- endmacro %}


{#-
  Failing comparisons as they are, beside those that hold, already counted: for `control_result(is_gathered=true)`. `compared` has
  the columns of the shared result; `passing` legal_entity_id, fiscal_period_id, is_equal, aspect, row_count and the two amounts.
-#}
{% macro failing_and_passing(compared, passing) -%}
    {%- set texts = ['business_key', 'left_system', 'right_system', 'left_value', 'right_value'] -%}
    {%- set amounts = ['left_amount', 'right_amount', 'difference_amount'] -%}
    {%- set more = ['supplier_id', 'account_id', 'cost_center_id', 'cell_id'] -%}
    {%- set shared = ['legal_entity_id', 'fiscal_period_id', 'is_equal', 'aspect', 'row_count', 'amount_functional', 'amount_group'] -%}
    select
        {{ (shared + texts + amounts + ['currency_code', 'quantity_difference'] + more) | join(', ') }},
        reason_code,
        document_date,
        message
    from {{ compared }}
    where reason_code is not null

    union all

    select
        {{ shared | join(', ') }}
        {%- for column in texts %}, cast(null as varchar) as {{ column }}{% endfor %}
        {%- for column in amounts %}, cast(null as numeric(28,4)) as {{ column }}{% endfor %},
        cast(null as varchar) as currency_code,
        cast(null as numeric(28,4)) as quantity_difference
        {%- for column in more %}, cast(null as varchar) as {{ column }}{% endfor %},
        cast(null as varchar) as reason_code,
        cast(null as date) as document_date,
        cast(null as varchar) as message
    from {{ passing }}
{%- endmacro %}


{#- The controls whose models exist, by model name; marts take all of them. -#}
{% macro control_models() -%}
    {{ return(['rec_c01', 'rec_c02', 'rec_c03', 'rec_c04', 'rec_c05', 'rec_c06', 'rec_c07', 'rec_c08', 'rec_c09', 'rec_c10', 'rec_c11', 'rec_c18', 'rec_c19', 'rec_c22', 'rec_c25', 'rec_c26']) }}
{%- endmacro %}


{#- Text of a number or day in a message. -#}
{% macro words(expression, otherwise='nothing') -%}
    coalesce(cast({{ expression }} as varchar), '{{ otherwise }}')
{%- endmacro %}
