{#- The last select of a model: its contract's columns, in its contract's order and types. -#}
{% macro cast_to_contract(relation) -%}
    {%- if execute and model.columns -%}
        select
        {%- for name, column in model.columns.items() %}
            cast({{ name }} as {{ column.data_type }}) as {{ name }}{% if not loop.last %},{% endif %}
        {%- endfor %}
        from {{ relation }}
    {%- else -%}
        select * from {{ relation }}
    {%- endif -%}
{%- endmacro %}
