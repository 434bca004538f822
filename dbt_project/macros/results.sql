{#-
  The result of a comparison, in the columns that all rec_ models share: one row per comparison that does not hold, and one row
  per (entity, period, status, aspect) that counts those that do (row_count).

  Reads the CTE `compared`: one row per comparison, with the columns below, of which
    reason_code  names what does not hold (NULL: it holds); its status comes from the controls table
    is_equal     true when nothing differs at all, else the comparison holds within its tolerance.
  Rows of other periods than the build's, and all rows of a control that is not applicable, are left out.
-#}
{% macro control_result(control_id, compared='compared') -%}
    select
        cast('{{ control_id }}' as varchar) as control_id,
        compared.legal_entity_id,
        compared.fiscal_period_id,
        reason.status,
        compared.reason_code,
        compared.aspect,
        compared.business_key,
        1 as row_count,
        compared.left_system,
        compared.right_system,
        compared.left_value,
        compared.right_value,
        compared.left_amount,
        compared.right_amount,
        compared.difference_amount,
        compared.currency_code,
        abs(compared.amount_functional) as amount_functional,
        abs(compared.amount_group) as amount_group,
        compared.quantity_difference,
        compared.supplier_id,
        compared.account_id,
        compared.cost_center_id,
        compared.cell_id,
        compared.document_date,
        compared.message
    from {{ compared }} as compared
    -- a reason that the controls table does not know is a mistake of this model: NOT NULL on status stops the build
    left join {{ source('meta', 'control_reason') }} as reason
        on reason.control_id = '{{ control_id }}' and reason.reason_code = compared.reason_code
    where compared.reason_code is not null
        and {{ finance_sync.is_applicable(control_id) }}
        and {{ finance_sync.in_scope('compared') }}

    union all

    select
        cast('{{ control_id }}' as varchar) as control_id,
        compared.legal_entity_id,
        compared.fiscal_period_id,
        case when compared.is_equal then 'matched' else 'within_tolerance' end as status,
        null as reason_code,
        compared.aspect,
        null as business_key,
        count(*) as row_count,
        null as left_system,
        null as right_system,
        null as left_value,
        null as right_value,
        null as left_amount,
        null as right_amount,
        null as difference_amount,
        null as currency_code,
        sum(abs(compared.amount_functional)) as amount_functional,
        sum(abs(compared.amount_group)) as amount_group,
        null as quantity_difference,
        null as supplier_id,
        null as account_id,
        null as cost_center_id,
        null as cell_id,
        null as document_date,
        null as message
    from {{ compared }} as compared
    where compared.reason_code is null
        and {{ finance_sync.is_applicable(control_id) }}
        and {{ finance_sync.in_scope('compared') }}
    group by compared.legal_entity_id, compared.fiscal_period_id, compared.is_equal, compared.aspect
{%- endmacro %}


{#- The controls whose models exist, by model name; marts take all of them. -#}
{% macro control_models() -%}
    {{ return(['rec_c01', 'rec_c02', 'rec_c07', 'rec_c09', 'rec_c18', 'rec_c19', 'rec_c22', 'rec_c25', 'rec_c26']) }}
{%- endmacro %}


{#- Text of a number or day in a message. -#}
{% macro words(expression, otherwise='nothing') -%}
    coalesce(cast({{ expression }} as varchar), '{{ otherwise }}')
{%- endmacro %}
