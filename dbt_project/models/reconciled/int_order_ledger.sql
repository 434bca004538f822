{{ config(materialized='incremental', incremental_strategy='scope_replace', unique_key='order_key', on_schema_change='fail') }}

-- 1. accounts that matter here: where goods received and not invoiced stand, and where the cost of orders is posted
with grni_accounts as (

    {{ role_accounts('gr_ir') }}

),

control_accounts as (

    select distinct account_id
    from (
        {{ role_accounts('gr_ir') }}
        union all
        {{ role_accounts('ap_control') }}
    ) as roles

),

-- expense and revenue, and of the other accounts those that orders are coded to (fixed assets, stock)
cost_accounts as (

    select account.account_id
    from {{ ref('dim_account') }} as account
    where (
        account.account_type in ('expense', 'revenue')
        or account.account_id in (select orders.account_id from {{ ref('fct_purchase_order_line') }} as orders)
    )
    and account.account_id not in ('UNMAPPED', 'NONE')
    and account.account_id not in (select control_accounts.account_id from control_accounts)

),

-- 2. their lines, until the business date
posted as (

    select
        lines.source_system,
        {{ order_system('lines') }} as order_system,
        lines.order_no,
        lines.order_line_no,
        lines.source_document_type,
        lines.source_document_no,
        lines.source_document_line_no,
        lines.legal_entity_id,
        lines.account_id,
        lines.posting_date,
        lines.currency_code,
        lines.amount_txn,
        lines.amount_functional,
        lines.amount_group,
        grni_accounts.account_id is not null as is_grni,
        cost_accounts.account_id is not null as is_cost
    from {{ ref('fct_journal_line') }} as lines
    left join grni_accounts
        on grni_accounts.legal_entity_id = lines.legal_entity_id
        and grni_accounts.account_id = lines.account_id
        and grni_accounts.valid_from <= lines.posting_date
        and grni_accounts.valid_to >= lines.posting_date
    left join cost_accounts on cost_accounts.account_id = lines.account_id
    where not lines.is_deleted
        and lines.posting_date <= {{ as_of() }}
        and (grni_accounts.account_id is not null or cost_accounts.account_id is not null)
        and (
            grni_accounts.account_id is not null
            or lines.order_no is not null
            or (lines.source_document_type in ('invoice', 'receipt') and lines.source_document_line_no is not null)
        )

),

-- 3. the order line that each names: itself, or by the line of the invoice or receipt that it posts
invoice_lines as (

    select
        documents.invoice_no as document_no,
        documents.line_no,
        min({{ order_system('documents') }}) as order_system,
        min(documents.order_no) as order_no,
        min(documents.order_line_no) as order_line_no
    from {{ ref('fct_invoice_line') }} as documents
    where not documents.is_deleted and documents.order_no is not null and documents.invoice_no in (
        select posted.source_document_no from posted where posted.order_no is null and posted.source_document_type = 'invoice'
    )
    group by documents.invoice_no, documents.line_no

),

receipt_lines as (

    select
        documents.receipt_no as document_no,
        documents.line_no,
        min({{ order_system('documents') }}) as order_system,
        min(documents.order_no) as order_no,
        min(documents.order_line_no) as order_line_no
    from {{ ref('fct_receipt_line') }} as documents
    where not documents.is_deleted and documents.receipt_no in (
        select posted.source_document_no from posted where posted.order_no is null and posted.source_document_type = 'receipt'
    )
    group by documents.receipt_no, documents.line_no

),

named as (

    select
        posted.order_system,
        posted.order_no,
        posted.order_line_no,
        posted.source_system,
        posted.source_document_type,
        posted.legal_entity_id,
        posted.account_id,
        posted.posting_date,
        posted.currency_code,
        posted.amount_txn,
        posted.amount_functional,
        posted.amount_group,
        posted.is_grni,
        posted.is_cost
    from posted
    where posted.order_no is not null

    union all

    select
        coalesce(invoice_lines.order_system, receipt_lines.order_system) as order_system,
        coalesce(invoice_lines.order_no, receipt_lines.order_no) as order_no,
        coalesce(invoice_lines.order_line_no, receipt_lines.order_line_no) as order_line_no,
        posted.source_system,
        posted.source_document_type,
        posted.legal_entity_id,
        posted.account_id,
        posted.posting_date,
        posted.currency_code,
        posted.amount_txn,
        posted.amount_functional,
        posted.amount_group,
        posted.is_grni,
        posted.is_cost
    from posted
    left join invoice_lines
        on posted.source_document_type = 'invoice'
        and invoice_lines.document_no = posted.source_document_no
        and invoice_lines.line_no = posted.source_document_line_no
    left join receipt_lines
        on posted.source_document_type = 'receipt'
        and receipt_lines.document_no = posted.source_document_no
        and receipt_lines.line_no = posted.source_document_line_no
    where posted.order_no is null
        and (posted.is_grni or invoice_lines.document_no is not null or receipt_lines.document_no is not null)

),

keyed as (

    select
        named.*,
        case
            when named.order_no is not null
                then coalesce(named.order_system, 'NONE') || '|' || named.order_no || '|'
                || coalesce(cast(named.order_line_no as varchar), 'NONE')
            else 'UNASSIGNED|' || named.source_system || '|' || named.legal_entity_id || '|' || named.account_id
        end as order_key
    from named

),

-- 4. one row per order line, and one per account for what names none
summed as (

    select
        keyed.order_key,
        min(keyed.order_system) as order_system,
        min(keyed.order_no) as order_no,
        min(keyed.order_line_no) as order_line_no,
        min(keyed.source_system) as ledger_system,
        min(keyed.legal_entity_id collate "C") as legal_entity_id,
        min(case when keyed.is_grni then keyed.account_id end) as grni_account_id,
        max(keyed.posting_date) as posted_on,
        sum(case when keyed.is_grni then 1 else 0 end) as grni_count,
        sum(case when keyed.is_grni and keyed.source_document_type = 'receipt' then -keyed.amount_functional else 0 end)
            as accrued_functional,
        sum(case when keyed.is_grni and keyed.source_document_type = 'invoice' then keyed.amount_functional else 0 end)
            as cleared_functional,
        sum(case when keyed.is_grni then -keyed.amount_functional else 0 end) as grni_functional,
        sum(case when keyed.is_grni then -keyed.amount_group end) as grni_group,
        max(case when keyed.is_grni then keyed.posting_date end) as grni_on,
        sum(case when keyed.is_cost then 1 else 0 end) as cost_count,
        sum(case when keyed.is_cost then keyed.amount_txn else 0 end) as cost_txn,
        sum(case when keyed.is_cost then keyed.amount_functional else 0 end) as cost_functional,
        min(case when keyed.is_cost then keyed.currency_code end) as first_cost_currency,
        max(case when keyed.is_cost then keyed.currency_code end) as last_cost_currency,
        max(case when keyed.is_cost then keyed.posting_date end) as cost_on
    from keyed
    {%- if is_incremental() %}
    where keyed.order_key in (
        select touched.order_key
        from keyed as touched
        inner join {{ ref('int_entity_day') }} as day
            on day.legal_entity_id = touched.legal_entity_id and day.period_day = touched.posting_date
        where {{ in_scope('day') }}
        union
        select stored.order_key from {{ this }} as stored where {{ in_scope('stored') }}
    )
    {%- endif %}
    group by keyed.order_key

),

final as (

    select
        summed.*,
        coalesce(period.fiscal_period_id, 'UNMAPPED') as fiscal_period_id,
        coalesce(cost_period.fiscal_period_id, 'UNMAPPED') as cost_period_id
    from summed
    left join {{ ref('int_entity_day') }} as period
        on period.legal_entity_id = summed.legal_entity_id and period.period_day = summed.posted_on
    left join {{ ref('int_entity_day') }} as cost_period
        on cost_period.legal_entity_id = summed.legal_entity_id and cost_period.period_day = summed.cost_on

)

{{ cast_to_contract('final') }}
