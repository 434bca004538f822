{{ config(materialized='incremental', incremental_strategy='scope_replace', unique_key='candidate_key', on_schema_change='fail') }}

-- 1. live documents of known suppliers
with live as (

    select * from {{ ref('int_invoice_document') }} where document_status = 'live' and supplier_key is not null

),

-- 2. blocks within which documents are compared: supplier and number; supplier, currency and amount, where an invoice names no
--    order. (What names an order line is held against the order.) In a later build the blocks of which a document, live or not,
--    lies in a period that is rebuilt.
number_blocks as (

    select
        supplier_key,
        number_key,
        document_type
    from live
    where number_key is not null
        {%- if is_incremental() %}
        and (supplier_key, number_key) in (
            select fresh.supplier_key, fresh.number_key from {{ ref('int_invoice_document') }} as fresh where {{ in_scope('fresh') }}
        )
        {%- endif %}
    group by supplier_key, number_key, document_type
    having count(*) > 1

),

amount_blocks as (

    select
        supplier_key,
        currency_code,
        amount_txn
    from live
    where document_type = 'invoice' and amount_txn <> 0
        {%- if is_incremental() %}
        and (supplier_key, amount_txn) in (
            select fresh.supplier_key, fresh.amount_txn from {{ ref('int_invoice_document') }} as fresh where {{ in_scope('fresh') }}
        )
        {%- endif %}
    group by supplier_key, currency_code, amount_txn
    having count(*) > 1 and count(case when not is_ordered then 1 end) > 0

),

candidates as (

    select
        'number' as aspect,
        live.supplier_key || '|' || live.number_key
        || case when live.document_type = 'invoice' then '' else '|' || live.document_type end as block_key,
        live.*
    from live
    inner join number_blocks as blocks
        on blocks.supplier_key = live.supplier_key
        and blocks.number_key = live.number_key
        and blocks.document_type = live.document_type

    union all

    select
        'amount' as aspect,
        live.supplier_key || '|' || live.currency_code || '|' || cast(live.amount_txn as varchar) as block_key,
        live.*
    from live
    inner join amount_blocks as blocks
        on blocks.supplier_key = live.supplier_key
        and blocks.currency_code = live.currency_code
        and blocks.amount_txn = live.amount_txn
    where live.document_type = 'invoice'

),

-- 3. what a credit memo takes back is none too many: one of the same supplier and amount with the invoice's number, else with its
--    order. Memos are counted against invoices that are alike, so that no order of rows decides.
memos as (

    select
        memos.*,
        row_number() over (
            partition by memos.supplier_key, memos.currency_code, memos.amount_txn, memos.number_key
            order by memos.posting_date, memos.record_key collate "C"
        ) as place
    from live as memos
    where memos.document_type = 'credit_memo'
        and (memos.supplier_key, memos.currency_code, -memos.amount_txn) in (
            select candidates.supplier_key, candidates.currency_code, candidates.amount_txn from candidates
        )

),

invoices as (

    select
        candidates.record_key,
        min(candidates.supplier_key) as supplier_key,
        min(candidates.currency_code) as currency_code,
        min(candidates.amount_txn) as amount_txn,
        min(candidates.number_key) as number_key,
        min(coalesce(candidates.first_order_no || '|' || candidates.last_order_no, 'NONE')) as order_key,
        min(candidates.posting_date) as posting_date
    from candidates
    where candidates.document_type = 'invoice'
    group by candidates.record_key

),

numbered_invoices as (

    select
        invoices.*,
        row_number() over (
            partition by invoices.supplier_key, invoices.currency_code, invoices.amount_txn, invoices.number_key
            order by invoices.posting_date, invoices.record_key collate "C"
        ) as place
    from invoices

),

reversed_by_number as (

    select
        invoices.record_key,
        memos.record_key as memo_key
    from numbered_invoices as invoices
    inner join memos
        on memos.supplier_key = invoices.supplier_key
        and memos.currency_code = invoices.currency_code
        and memos.amount_txn = -invoices.amount_txn
        and memos.number_key = invoices.number_key
        and memos.place = invoices.place

),

ordered_invoices as (

    select
        invoices.*,
        row_number() over (
            partition by invoices.supplier_key, invoices.currency_code, invoices.amount_txn, invoices.order_key
            order by invoices.posting_date, invoices.record_key collate "C"
        ) as place
    from invoices
    where invoices.record_key not in (select reversed_by_number.record_key from reversed_by_number)

),

ordered_memos as (

    select
        memos.supplier_key,
        memos.currency_code,
        memos.amount_txn,
        coalesce(memos.first_order_no || '|' || memos.last_order_no, 'NONE') as order_key,
        row_number() over (
            partition by
                memos.supplier_key, memos.currency_code, memos.amount_txn,
                coalesce(memos.first_order_no || '|' || memos.last_order_no, 'NONE')
            order by memos.posting_date, memos.record_key collate "C"
        ) as place
    from memos
    where memos.record_key not in (select reversed_by_number.memo_key from reversed_by_number)

),

reversed as (

    select reversed_by_number.record_key from reversed_by_number

    union

    select invoices.record_key
    from ordered_invoices as invoices
    inner join ordered_memos as memos
        on memos.supplier_key = invoices.supplier_key
        and memos.currency_code = invoices.currency_code
        and memos.amount_txn = -invoices.amount_txn
        and memos.order_key = invoices.order_key
        and memos.place = invoices.place

),

-- 4. groups: of one number all that are left; of one amount those whose dates follow each other within the allowed days
tolerance_keys as (

    select distinct legal_entity_id, document_type as category, invoice_date as tolerance_date from candidates

),

limits as (

    {{ tolerances('C08', 'tolerance_keys', ['amount']) }}

),

spaced as (

    select
        candidates.*,
        candidates.record_key in (select reversed.record_key from reversed) as is_reversed,
        case
            when candidates.aspect = 'amount' and candidates.invoice_date - lag(candidates.invoice_date) over (
                partition by candidates.aspect, candidates.block_key
                order by candidates.invoice_date, candidates.record_key collate "C"
            ) > limits.lag_days then 1
            else 0
        end as begins_group
    from candidates
    left join limits
        on limits.legal_entity_id = candidates.legal_entity_id
        and limits.category = candidates.document_type
        and limits.tolerance_date = candidates.invoice_date

),

grouped as (

    select
        spaced.*,
        sum(spaced.begins_group) over (
            partition by spaced.aspect, spaced.block_key
            order by spaced.invoice_date, spaced.record_key collate "C" rows unbounded preceding
        ) as group_no
    from spaced

),

final as (

    select
        grouped.*,
        grouped.aspect || '|' || grouped.record_key as candidate_key,
        grouped.block_key || '#' || cast(grouped.group_no as varchar) as group_key
    from grouped

)

{{ cast_to_contract('final') }}
