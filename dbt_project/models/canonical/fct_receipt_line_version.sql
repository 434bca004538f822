{{ config(
    materialized='incremental', incremental_strategy='delete+insert', unique_key=['record_key', 'batch_id'], on_schema_change='fail'
) }}

{%- set dimensions = ['legal_entity', 'supplier'] %}

with fed as (

    {{ version_feed('receipt_line', 'fct_receipt_line', dimensions) }}

),

{{ document_rows(dimensions, 'posting_date', is_converted=false) }}

{{ cast_to_contract('final') }}
