{{ config(
    materialized='incremental', incremental_strategy='delete+insert', unique_key=['record_key', 'batch_id'], on_schema_change='fail'
) }}

{%- set dimensions = ['legal_entity', 'cost_center', 'account', 'project', 'supplier'] %}

with fed as (

    {{ version_feed('invoice_line', 'fct_invoice_line', dimensions, rate_joins('t', 't.posting_date'), rates_outdated()) }}

),

{{ document_rows(dimensions, 'posting_date', amount='mapped.amount_net_txn + coalesce(mapped.amount_tax_txn, 0)') }}

{{ cast_to_contract('final') }}
