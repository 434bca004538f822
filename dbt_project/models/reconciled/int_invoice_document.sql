{{ config(materialized='incremental', incremental_strategy='scope_replace', unique_key='record_key', on_schema_change='fail') }}

{%- set is_live = "lines.line_status in ('approved', 'pending', 'disputed')" %}

-- 1. lines of invoices and credit memos; in a later build of documents of which a line lies in a period that is rebuilt
with lines as (

    select *
    from {{ ref('fct_invoice_line') }} as lines
    where not lines.is_deleted
        and lines.line_status <> 'draft'
        and lines.posting_date <= {{ as_of() }}
        {%- if is_incremental() %}
        and lines.invoice_no in (
            select fresh.invoice_no from {{ ref('fct_invoice_line') }} as fresh where {{ in_scope('fresh') }}
        )
        {%- endif %}

),

-- 2. one row per document. A document lives while one of its lines does; then the others do not count.
documents as (

    select
        lines.source_system,
        lines.invoice_no,
        min(lines.legal_entity_id collate "C") as legal_entity_id,
        max(lines.fiscal_period_id collate "C") as fiscal_period_id,
        min(lines.supplier_id collate "C") as supplier_id,
        min(lines.supplier_code collate "C") as supplier_code,
        min(lines.supplier_invoice_no collate "C") as supplier_invoice_no,
        min(lines.document_type collate "C") as document_type,
        min(lines.currency_code collate "C") as currency_code,
        max(lines.invoice_date) as invoice_date,
        max(lines.posting_date) as posting_date,
        count(case when {{ is_live }} then 1 end) as live_count,
        count(*) as line_count,
        count(lines.order_no) as order_count,
        min(lines.order_no collate "C") as first_order_no,
        max(lines.order_no collate "C") as last_order_no,
        sum(case when {{ is_live }} then lines.amount_txn end) as amount_live_txn,
        sum(case when {{ is_live }} then lines.amount_functional end) as amount_live_functional,
        sum(case when {{ is_live }} then lines.amount_group end) as amount_live_group,
        sum(lines.amount_txn) as amount_txn,
        sum(lines.amount_functional) as amount_functional,
        sum(lines.amount_group) as amount_group
    from lines
    group by lines.source_system, lines.invoice_no

),

final as (

    select
        documents.source_system || '|' || documents.invoice_no as record_key,
        documents.source_system,
        documents.invoice_no,
        documents.legal_entity_id,
        documents.fiscal_period_id,
        documents.supplier_id,
        -- suppliers without a counterpart are told apart by the source's own code
        case
            when documents.supplier_id not in ('UNMAPPED', 'NONE') then documents.supplier_id
            when documents.supplier_code is not null then documents.source_system || ':' || documents.supplier_code
        end as supplier_key,
        documents.supplier_invoice_no,
        {{ document_number_key('documents.supplier_invoice_no') }} as number_key,
        documents.document_type,
        case when documents.live_count > 0 then 'live' else 'voided' end as document_status,
        documents.order_count = documents.line_count as is_ordered,
        documents.first_order_no,
        documents.last_order_no,
        documents.invoice_date,
        documents.posting_date,
        documents.currency_code,
        {%- for unit in ['txn', 'functional', 'group'] %}
        case when documents.live_count > 0 then documents.amount_live_{{ unit }} else documents.amount_{{ unit }} end
            as amount_{{ unit }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from documents

)

{{ cast_to_contract('final') }}
