{{ config(materialized='view') }}

-- 1. receipts add, invoices take, at the order's price
with lines as (

    select
        grni.*,
        orders.unit_price,
        orders.quantity,
        orders.amount_net_txn,
        orders.amount_tax_txn,
        orders.rate_group
    from {{ ref('int_grni_line') }} as grni
    left join {{ ref('fct_purchase_order_line') }} as orders on orders.record_key = grni.record_key
    where coalesce(grni.open_functional, 1) <> 0 or grni.ledger_functional <> 0

),

documents as (
    {%- for fact, kind, status, number, sign, amount in [
        ('fct_receipt_line', 'receipt', 'posted', 'receipt_no', '', 'amount_txn'),
        ('fct_invoice_line', 'invoice', 'approved', 'invoice_no', '-', 'amount_net_txn'),
    ] %}

    select
        lines.order_key,
        '{{ kind }}' as kind,
        documents.record_key,
        documents.source_system,
        documents.{{ number }} as document_no,
        documents.line_no as document_line_no,
        documents.posting_date,
        cast({{ sign }}documents.quantity as numeric(18,4)) as quantity,
        cast({{ sign }}(case when lines.line_type = 'quantity' then {{ at_order_price('documents.quantity') }} else documents.{{ amount }} end)
            as numeric(18,4)) as net_txn
    from {{ ref(fact) }} as documents
    inner join lines
        on lines.record_key is not null
        and lines.source_system = {{ order_system('documents') }}
        and lines.order_no = documents.order_no
        and lines.line_no = documents.order_line_no
    where not documents.is_deleted and documents.line_status = '{{ status }}' and documents.posting_date <= {{ as_of() }}
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

valued as (

    select
        documents.*,
        lines.legal_entity_id,
        lines.currency_code,
        lines.open_txn,
        lines.open_functional,
        lines.open_group,
        lines.rate_functional,
        lines.rate_group,
        cast(documents.net_txn + case
            when coalesce(lines.amount_tax_txn, 0) = 0 then 0
            else coalesce({{ pro_rata('lines.amount_tax_txn', 'documents.net_txn', 'lines.amount_net_txn') }}, 0)
        end as numeric(18,4)) as amount_txn,
        row_number() over (
            partition by documents.order_key order by documents.posting_date desc, documents.record_key collate "C" desc
        ) as from_last
    from documents
    inner join lines on lines.order_key = documents.order_key

),

converted as (

    select
        valued.*,
        {{ times('valued.amount_txn', 'valued.rate_functional') }} as amount_functional,
        {{ times('valued.amount_txn', 'valued.rate_group') }} as amount_group
    from valued

),

-- 2. what rounding leaves goes to the last document, so that the documents add up to the line's open amount
settled as (

    select
        order_key,
        kind,
        record_key,
        source_system,
        document_no,
        document_line_no,
        legal_entity_id,
        posting_date,
        quantity,
        currency_code
        {%- for unit in ['txn', 'functional', 'group'] %},
        case
            when from_last = 1
                then open_{{ unit }} - (sum(amount_{{ unit }}) over (partition by order_key) - amount_{{ unit }})
            else amount_{{ unit }}
        end as amount_{{ unit }}
        {%- endfor %}
    from converted

),

-- 3. the ledger's lines on the GR/IR accounts, credit positive, as posted
grni_accounts as (

    {{ role_accounts('gr_ir') }}

),

postings as (

    select
        coalesce(
            {{ order_system('journals') }} || '|' || journals.order_no || '|' || cast(journals.order_line_no as varchar),
            {{ order_system('invoices') }} || '|' || invoices.order_no || '|' || cast(invoices.order_line_no as varchar),
            {{ order_system('receipts') }} || '|' || receipts.order_no || '|' || cast(receipts.order_line_no as varchar),
            'UNASSIGNED|' || journals.source_system || '|' || journals.legal_entity_id || '|' || journals.account_id
        ) as order_key,
        'posting' as kind,
        journals.record_key,
        journals.source_system,
        journals.journal_no as document_no,
        journals.line_no as document_line_no,
        journals.legal_entity_id,
        journals.posting_date,
        cast(null as numeric(18,4)) as quantity,
        journals.currency_code,
        -journals.amount_txn as amount_txn,
        -journals.amount_functional as amount_functional,
        -journals.amount_group as amount_group
    from {{ ref('fct_journal_line') }} as journals
    inner join grni_accounts
        on grni_accounts.legal_entity_id = journals.legal_entity_id
        and grni_accounts.account_id = journals.account_id
        and grni_accounts.valid_from <= journals.posting_date
        and grni_accounts.valid_to >= journals.posting_date
    left join {{ ref('fct_invoice_line') }} as invoices
        on journals.order_no is null and journals.source_document_type = 'invoice'
        and invoices.invoice_no = journals.source_document_no
        and invoices.line_no = journals.source_document_line_no
        and invoices.order_no is not null and not invoices.is_deleted
    left join {{ ref('fct_receipt_line') }} as receipts
        on journals.order_no is null and journals.source_document_type = 'receipt'
        and receipts.receipt_no = journals.source_document_no
        and receipts.line_no = journals.source_document_line_no
        and not receipts.is_deleted
    where not journals.is_deleted and journals.posting_date <= {{ as_of() }}

),

final as (

    select * from settled
    union all
    select * from postings where order_key in (select lines.order_key from lines)

)

{{ cast_to_contract('final') }}
