{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='record_key', on_schema_change='fail') }}
-- the versions that this build replaces are kept first: depends_on: {{ ref('fct_receipt_line_version') }}

{%- set dimensions = ['legal_entity', 'supplier'] %}

-- newly landed records, and those that can be settled only now
with fed as (

    {{ fact_feed('receipt_line', dimensions) }}

),

{{ document_rows(dimensions, 'posting_date', is_converted=false) }}

{{ cast_to_contract('final') }}
