{#- Predicate: the row's (entity, period) is rebuilt by this build. On a first build or full refresh everything is. -#}
{% macro in_scope(alias) -%}
    {%- if is_incremental() -%}
        exists (
            select 1 from {{ source('meta', 'build_scope') }} as scope
            where scope.legal_entity_id = {{ alias }}.legal_entity_id and scope.fiscal_period_id = {{ alias }}.fiscal_period_id
        )
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}


{#- Predicate: the control is applicable to this deployment. -#}
{% macro is_applicable(control_id) -%}
    exists (
        select 1 from {{ source('meta', 'applicability') }} as applicability
        where applicability.control_id = '{{ control_id }}' and applicability.is_applicable
    )
{%- endmacro %}


{#- Whether any system of the deployment supplies the canonical object. -#}
{% macro is_fed(object) -%}
    {{ return(var('feeds', {}).get(object, []) | length > 0) }}
{%- endmacro %}


{#-
  Incremental strategy scope_replace: what the scope of the build (meta.build_scope) holds is taken out, and the new rows put in,
  so that what no longer holds is gone and periods out of scope do not move. With a unique_key, rows that come anew under
  another period replace their old ones as well.
-#}
{% macro get_incremental_scope_replace_sql(arg_dict) -%}
    {%- set target = arg_dict['target_relation'] -%}
    {%- set temp = arg_dict['temp_relation'] -%}
    {%- set key = arg_dict['unique_key'] -%}
    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    delete from {{ target }} using {{ source('meta', 'build_scope') }} as scope
    where scope.legal_entity_id = {{ target }}.legal_entity_id and scope.fiscal_period_id = {{ target }}.fiscal_period_id;
    {% if key -%}
    {%- set key = key if key is string else key | join(', ') -%}
    delete from {{ target }} where ({{ key }}) in (select {{ key }} from {{ temp }});
    {% endif -%}
    insert into {{ target }} ({{ columns }}) (select {{ columns }} from {{ temp }})
{%- endmacro %}
