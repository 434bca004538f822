{#-
  dbt compares what a unit test expects with what the model gives as texts. Postgres writes the scale of a numeric with it
  ("0.8000", "0.80"), so equal amounts would differ by their zeros: they are trimmed on both sides before the comparison.
-#}
{% macro postgres__get_unit_test_sql(main_sql, expected_fixture_sql, expected_column_names) -%}
    {%- set kinds = {} -%}
    {%- for column in adapter.get_column_schema_from_query(get_empty_subquery_sql(main_sql)) -%}
        {%- do kinds.update({adapter.quote(column.name): column.data_type | lower}) -%}
    {%- endfor -%}
    {%- set columns = [] -%}
    {%- for name in expected_column_names -%}
        {%- set numeric = kinds[name].startswith('numeric') or kinds[name].startswith('decimal') -%}
        {%- do columns.append(('trim_scale(' ~ name ~ ') as ' ~ name) if numeric else name) -%}
    {%- endfor -%}
    -- An expectation of no rows names the first of these two.
    with dbt_internal_unit_test_actual as (
        select {{ columns | join(', ') }}, 'actual' as "actual_or_expected"
        from ({{ main_sql }}) as dbt_unit_actual
    ),

    dbt_internal_unit_test_expected as (
        select {{ columns | join(', ') }}, 'expected' as "actual_or_expected"
        from ({{ expected_fixture_sql }}) as dbt_unit_expected
    )

    select * from dbt_internal_unit_test_actual
    union all
    select * from dbt_internal_unit_test_expected
{%- endmacro %}
