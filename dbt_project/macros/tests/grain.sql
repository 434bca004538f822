{#- The columns together identify a row. -#}
{% test unique_together(model, columns) %}
    select {{ columns | join(', ') }}, count(*) as n
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1
{% endtest %}


{#-
  The column identifies a row, looked for where this build wrote: facts are replaced by key, so a key that stood once and was not
  landed again still stands once, and a night need not read all of history.
-#}
{% test unique_in_new_batches(model, column_name) %}
    select {{ column_name }}, count(*) as n
    from {{ model }} as fact
    where exists (
        select 1 from {{ source('meta', 'batch') }} as batch
        where batch.system = fact.source_system and batch.batch_id = fact.batch_id and batch.is_new
    )
    group by {{ column_name }}
    having count(*) > 1
{% endtest %}


{#- The columns together identify a row, looked for in the periods that this build replaced. -#}
{% test unique_in_scope(model, columns) %}
    select {{ columns | join(', ') }}, count(*) as n
    from {{ model }} as figures
    where exists (
        select 1 from {{ source('meta', 'build_scope') }} as scope
        where scope.legal_entity_id = figures.legal_entity_id and scope.fiscal_period_id = figures.fiscal_period_id
    )
    group by {{ columns | join(', ') }}
    having count(*) > 1
{% endtest %}
