{#-
  The roll-forward of commitments (SPEC 5), row by row where this build wrote: opening and movements make the closing, and the opening is
  the closing of the normal period before, also where that one is closed and was not built again.
-#}
{% test commitments_roll_forward(model) %}
with figures as (

    select
        cells.*,
        lag(period.ordinal) over cell as ordinal_before,
        period.ordinal
        {%- for kind in ['pre_encumbrance', 'encumbrance'] %}
        {%- for currency in ['functional', 'group'] %},
        lag(cells.{{ kind }}_closing_{{ currency }}) over cell as {{ kind }}_before_{{ currency }}
        {%- endfor %}
        {%- endfor %}
    from {{ model }} as cells
    inner join {{ ref('dim_fiscal_period') }} as period on period.fiscal_period_id = cells.fiscal_period_id
    window cell as (partition by cells.cell_id order by period.ordinal)

)

select *
from figures
where exists (
        select 1 from {{ source('meta', 'build_scope') }} as scope
        where scope.legal_entity_id = figures.legal_entity_id and scope.fiscal_period_id = figures.fiscal_period_id
    )
    and (
        {%- for kind in ['pre_encumbrance', 'encumbrance'] %}
        {{ kind }}_closing_functional is distinct from {{ kind }}_opening_functional
        {%- for measure in finance_sync.commitment_moves(kind).values() %} {{ measure.sign or '+' }} {{ measure.name }}_functional{% endfor %}
        or
        {%- for currency in ['functional', 'group'] %}
        (ordinal_before = ordinal - 1 and {{ kind }}_before_{{ currency }} <> {{ kind }}_opening_{{ currency }})
        {%- if not loop.last %} or{% endif %}
        {%- endfor %}
        {%- if not loop.last %} or{% endif %}
        {%- endfor %}
    )
{% endtest %}
