{#-
  The parts of a variance sum to the whole (SPEC 6), and where the model shows both sides, to cost less commitment consumed; year to date
  too. Row by row, where this build wrote.
-#}
{% test variance_is_explained(model) %}
select *
from {{ model }} as figures
where exists (
        select 1 from {{ source('meta', 'build_scope') }} as scope
        where scope.legal_entity_id = figures.legal_entity_id and scope.fiscal_period_id = figures.fiscal_period_id
    )
    and (
        {%- for prefix in (['', 'ytd_'] if model.identifier == 'mart_variance' else ['']) %}
        {%- if model.identifier == 'mart_variance' %}
        {{ prefix }}variance_functional
        is distinct from {{ prefix }}cost_of_orders_functional - {{ prefix }}commitment_consumed_functional
        or
        {%- endif %}
        {{ prefix }}variance_functional is distinct from
        {%- for part in finance_sync.variance_parts() %} {{ '+ ' if not loop.first }}{{ prefix }}{{ part }}_functional{% endfor %}
        {%- if not loop.last %}
        or
        {%- endif %}
        {%- endfor %}
    )
{% endtest %}
