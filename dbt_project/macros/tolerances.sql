{#-
  Tolerances of a control for rows of `keys` (columns legal_entity_id, category, tolerance_date) and each of the aspects.
  Of the dated rows that hold on the date the most specific counts: aspect before entity before category, of two alike the later
  one; without any, the control's own default. Yields legal_entity_id, category, tolerance_date, aspect, absolute_functional, percent,
  lag_days.
-#}
{% macro tolerances(control_id, keys, aspects) -%}
    select
        legal_entity_id,
        category,
        tolerance_date,
        aspect,
        absolute_functional,
        percent,
        lag_days
    from (
        select
            keys.legal_entity_id,
            keys.category,
            keys.tolerance_date,
            aspects.aspect,
            coalesce(dated.absolute_functional, control.absolute_functional) as absolute_functional,
            coalesce(dated.percent, control.percent) as percent,
            coalesce(dated.lag_days, control.lag_days) as lag_days,
            row_number() over (
                partition by keys.legal_entity_id, keys.category, keys.tolerance_date, aspects.aspect
                order by
                    dated.aspect is null, dated.legal_entity_id is null, dated.category is null, dated.valid_from desc
            ) as precedence
        from (
            select distinct legal_entity_id, category, tolerance_date from {{ keys }}
        ) as keys
        cross join (
            {%- for aspect in aspects %}
            select cast('{{ aspect }}' as varchar) as aspect{% if not loop.last %} union all{% endif %}
            {%- endfor %}
        ) as aspects
        inner join {{ source('meta', 'control') }} as control
            on control.control_id = '{{ control_id }}'
        left join {{ source('reference', 'tolerances') }} as dated
            on dated.control_id = '{{ control_id }}'
            and (dated.aspect is null or dated.aspect = aspects.aspect)
            and (dated.legal_entity_id is null or dated.legal_entity_id = keys.legal_entity_id)
            and (dated.category is null or dated.category = keys.category)
            and dated.valid_from <= keys.tolerance_date
            and (dated.valid_to is null or dated.valid_to >= keys.tolerance_date)
    ) as ranked
    where precedence = 1
{%- endmacro %}


{#-
  |d| <= max(absolute, percent x |base|), all in functional currency (SPEC 7). The difference comes unrounded: what is beyond the
  limit by less than the last decimal of an amount is beyond it. A NULL difference or limit never passes.
-#}
{% macro is_within(difference, base, limits) -%}
    coalesce(
            abs({{ difference }}) <= greatest(
                cast({{ limits }}.absolute_functional as numeric(38,14)),
                cast(abs({{ base }}) as numeric(28,4)) * {{ limits }}.percent
            ),
            false
        )
{%- endmacro %}
