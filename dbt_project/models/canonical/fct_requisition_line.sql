{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='record_key', on_schema_change='fail') }}
-- the versions that this build replaces are kept first: depends_on: {{ ref('fct_requisition_line_version') }}

{%- set dimensions = ['legal_entity', 'cost_center', 'account', 'project', 'supplier'] %}

-- newly landed records, and those that can be settled only now
with fed as (

    {{ fact_feed('requisition_line', dimensions, rate_joins('t', 't.requested_on'), rates_outdated()) }}

),

{{ document_rows(dimensions, 'requested_on') }}

{{ cast_to_contract('final') }}
