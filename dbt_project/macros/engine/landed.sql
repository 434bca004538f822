{#- DuckDB reads the batches where they lie. Union by name: files of different age may differ in columns. -#}
{% macro default__landed_relation(system, object, scope, columns) -%}
    {%- if not scope.files -%}
        ({{ finance_sync.typed_empty(columns) }})
    {%- else -%}
        (select * from read_parquet([
            {%- for file in scope.files %}'{{ file | replace("'", "''") }}'{% if not loop.last %}, {% endif %}{% endfor -%}
        ], union_by_name = true)
        union all by name {{ finance_sync.typed_empty(columns) }})
    {%- endif -%}
{%- endmacro %}


{#- Postgres holds the batches in raw.<system>__<object>, loaded in one transaction with the record of the load. -#}
{% macro postgres__landed_relation(system, object, scope, columns) -%}
    {%- if not scope.batch_seqs -%}
        ({{ finance_sync.typed_empty(columns) }})
    {%- else -%}
        (select {% for name in columns %}{{ adapter.quote(name) }}{% if not loop.last %}, {% endif %}{% endfor %}
        from raw.{{ adapter.quote(system ~ '__' ~ object) }}
        where _batch_seq in ({{ scope.batch_seqs | join(', ') }}))
    {%- endif -%}
{%- endmacro %}
