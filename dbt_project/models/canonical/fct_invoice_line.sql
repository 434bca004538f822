{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='record_key', on_schema_change='fail') }}
-- the versions that this build replaces are kept first: depends_on: {{ ref('fct_invoice_line_version') }}

{%- set dimensions = ['legal_entity', 'cost_center', 'account', 'project', 'supplier'] %}

-- newly landed records, and those that can be settled only now
with fed as (

    {{ fact_feed('invoice_line', dimensions, rate_joins('t', 't.posting_date'), rates_outdated()) }}

),

{{ document_rows(dimensions, 'posting_date', amount='mapped.amount_net_txn + coalesce(mapped.amount_tax_txn, 0)') }}

{{ cast_to_contract('final') }}
