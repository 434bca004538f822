{#- After a model is built: Postgres plans the next one well only with statistics of this one. DuckDB keeps its own. -#}
{% macro after_build() -%}
    {{ return(adapter.dispatch('after_build', 'finance_sync')()) }}
{%- endmacro %}

{% macro default__after_build() -%}
{%- endmacro %}

{% macro postgres__after_build() -%}
    {%- if model.config.materialized in ('table', 'incremental') -%}
        analyze {{ this }}
    {%- endif -%}
{%- endmacro %}
