{{ config(materialized='incremental', incremental_strategy='scope_replace', on_schema_change='fail') }}

-- 1. accounts on which the cost of orders stands: those of the budget view, and those that orders are coded to
with cost_accounts as (

    select
        account.account_id,
        {{ is_in_budget_view('account') }} as is_actual
    from {{ ref('dim_account') }} as account
    where {{ is_in_budget_view('account') }}
        or account.account_id in (select orders.account_id from {{ ref('fct_purchase_order_line') }} as orders)

),

-- 2. their lines that name an order line, or a line of an invoice or receipt
posted as (

    select
        lines.record_key,
        {{ order_system('lines') }} as order_system,
        lines.order_no,
        lines.order_line_no,
        lines.source_document_type,
        lines.source_document_no,
        lines.source_document_line_no,
        lines.journal_no,
        lines.legal_entity_id,
        lines.fiscal_period_id,
        lines.cost_center_id,
        lines.account_id,
        lines.project_id,
        {{ segments('lines') }},
        lines.currency_code,
        lines.amount_txn,
        lines.amount_functional,
        cost_accounts.is_actual
    from {{ ref('fct_journal_line') }} as lines
    inner join cost_accounts on cost_accounts.account_id = lines.account_id
    where not lines.is_deleted
        and {{ in_scope('lines') }}
        and (
            (lines.order_no is not null and lines.order_line_no is not null)
            or (lines.source_document_type in ('invoice', 'receipt') and lines.source_document_line_no is not null)
        )

),
{%- for kind, fact, number in [('invoice', 'fct_invoice_line', 'invoice_no'), ('receipt', 'fct_receipt_line', 'receipt_no')] %}

{{ kind }}_lines as (

    select
        documents.{{ number }} as document_no,
        documents.line_no,
        min({{ order_system('documents') }}) as order_system,
        min(documents.order_no) as order_no,
        min(documents.order_line_no) as order_line_no
    from {{ ref(fact) }} as documents
    where not documents.is_deleted and documents.order_no is not null and documents.{{ number }} in (
        select posted.source_document_no from posted where posted.order_no is null and posted.source_document_type = '{{ kind }}'
    )
    group by documents.{{ number }}, documents.line_no

),
{%- endfor %}

named as (

    select posted.* from posted where posted.order_no is not null
    {%- for kind in ['invoice', 'receipt'] %}

    union all

    select
        posted.record_key,
        {{ kind }}_lines.order_system,
        {{ kind }}_lines.order_no,
        {{ kind }}_lines.order_line_no,
        posted.source_document_type,
        posted.source_document_no,
        posted.source_document_line_no,
        posted.journal_no,
        posted.legal_entity_id,
        posted.fiscal_period_id,
        posted.cost_center_id,
        posted.account_id,
        posted.project_id,
        {{ segment_list('posted') }},
        posted.currency_code,
        posted.amount_txn,
        posted.amount_functional,
        posted.is_actual
    from posted
    inner join {{ kind }}_lines
        on {{ kind }}_lines.document_no = posted.source_document_no
        and {{ kind }}_lines.line_no = posted.source_document_line_no
    where posted.order_no is null and posted.source_document_type = '{{ kind }}'
    {%- endfor %}

),

-- 3. with the order line: which document of it was posted, and at the order's rate where the ledger posted in another currency
final as (

    select
        named.*,
        orders.record_key as order_record_key,
        case
            when named.source_document_type not in ('invoice', 'receipt') then 'posting'
            when named.source_document_no is null then 'order'
            else named.source_document_type
        end as document_kind,
        case
            when named.source_document_type not in ('invoice', 'receipt') then named.journal_no
            else coalesce(named.source_document_no, named.order_no)
        end as document_no,
        named.currency_code <> orders.currency_code as is_other_currency,
        case
            when named.currency_code = orders.currency_code then named.amount_txn
            else {{ pro_rata('orders.amount_txn', 'named.amount_functional', 'orders.amount_functional') }}
        end as amount_order_txn,
        named.cost_center_id = orders.cost_center_id
        and named.account_id = orders.account_id
        and named.project_id = orders.project_id
        {%- for segment in segment_columns() if segment in var('segments', {}) %}
        and named.{{ segment }} = coalesce(orders.{{ segment }}, 'NONE')
        {%- endfor %} as is_as_ordered
    from named
    inner join {{ ref('fct_purchase_order_line') }} as orders
        on orders.source_system = named.order_system
        and orders.order_no = named.order_no
        and orders.line_no = named.order_line_no
        and orders.legal_entity_id = named.legal_entity_id

)

{{ cast_to_contract('final') }}
