{{ config(
    materialized='incremental', incremental_strategy='delete+insert', unique_key=['record_key', 'batch_id'], on_schema_change='fail'
) }}

{%- set dimensions = ['legal_entity', 'cost_center', 'account', 'project', 'supplier'] %}

with fed as (

    {{ version_feed('requisition_line', 'fct_requisition_line', dimensions, rate_joins('t', 't.requested_on'), rates_outdated()) }}

),

{{ document_rows(dimensions, 'requested_on') }}

{{ cast_to_contract('final') }}
