{#-
  The landed batches of one source object that are in scope of this build, as a relation to select from.
  Read by the deployment's staging models: `select ... from {{ landed('erp', 'journals') }}`.
  Columns are those of the object's contract, under their names in the source, and _batch_id, _batch_seq, _row_hash, _deleted.
  A column that no file in scope has (the contract has grown since) is a typed NULL; no file at all is a typed empty relation.
-#}
{% macro landed(system, object) -%}
    {%- set scope = var('landed', {}).get(system, {}).get(object) -%}
    {%- if scope is none or not execute -%}
        {%- if execute -%}
            {{ exceptions.raise_compiler_error(
                "landed('" ~ system ~ "', '" ~ object ~ "'): the deployment has no such object; see systems/" ~ system ~ ".yaml"
            ) }}
        {%- endif -%}
        (select 1 as nothing)
    {%- else -%}
        {%- set columns = {'_batch_id': 'varchar', '_batch_seq': 'bigint', '_row_hash': 'varchar', '_deleted': 'boolean'} -%}
        {%- set columns = dict(scope.columns, **columns) -%}
        {{- adapter.dispatch('landed_relation', 'finance_sync')(system, object, scope, columns) -}}
    {%- endif -%}
{%- endmacro %}


{#- One row set without rows, with the given columns (name -> SQL type). -#}
{% macro typed_empty(columns) -%}
    select {% for name, type in columns.items() %}cast(null as {{ type }}) as {{ adapter.quote(name) }}
        {%- if not loop.last %}, {% endif %}{% endfor %} where false
{%- endmacro %}
