{#- The parts of which a variance is made (SPEC 6, and what they leave), in the order in which they are shown. -#}
{% macro variance_parts() -%}
    {{ return(['price', 'quantity', 'tax', 'currency', 'timing', 'coding', 'other']) }}
{%- endmacro %}


{#-
  CTEs up to `explained`: what the documents of order lines say, against the order. Reads `lines` (order lines with is_quantity, digits, unit,
  tax_txn, relief_point) and `relieved` (per line and document, what it relieved). One row per line, document and period of the document,
  in the order's currency:
    over_txn              what came and was not relieved, at the order's price with its tax; on amount lines, the value beyond
    tax_difference_txn    the invoice's tax against the order's for as much
    price_difference_txn  the invoice's net value against the order's price for as much
  What is no more than the currency's smallest unit is rounding, and left to the price.
-#}
{% macro document_terms() -%}
-- what they state, as long as they count
stated as (

    select
        lines.record_key,
        'receipt' as document_kind,
        documents.receipt_no as document_no,
        min(documents.fiscal_period_id) as fiscal_period_id,
        cast(sum(case when lines.is_quantity then {{ finance_sync.receipt_part('documents', 'lines', 'lines.is_quantity') }} end) as numeric(18,4)) as quantity,
        cast(sum(documents.amount_txn) as numeric(18,4)) as net_txn,
        cast(0 as numeric(18,4)) as tax_txn,
        coalesce(max(case when documents.currency_code <> lines.currency_code then 1 end), 0) = 1 as is_other_currency,
        coalesce(max(case when documents.unit_code <> lines.unit_code then 1 end), 0) = 1 as is_other_unit
    from {{ ref('fct_receipt_line') }} as documents
    inner join lines
        on lines.source_system = {{ finance_sync.order_system('documents') }}
        and lines.order_no = documents.order_no
        and lines.line_no = documents.order_line_no
        and lines.relief_point = 'receipt'
    where not documents.is_deleted and documents.line_status = 'posted'
    group by lines.record_key, documents.receipt_no

    union all

    select
        lines.record_key,
        'invoice' as document_kind,
        documents.invoice_no as document_no,
        min(documents.fiscal_period_id) as fiscal_period_id,
        cast(sum(case when lines.is_quantity then {{ finance_sync.invoice_part('documents', 'lines', 'lines.is_quantity') }} end) as numeric(18,4)) as quantity,
        cast(sum(documents.amount_net_txn) as numeric(18,4)) as net_txn,
        cast(sum(coalesce(documents.amount_tax_txn, 0)) as numeric(18,4)) as tax_txn,
        coalesce(max(case when documents.currency_code <> lines.currency_code then 1 end), 0) = 1 as is_other_currency,
        coalesce(max(case when documents.unit_code <> lines.unit_code then 1 end), 0) = 1 as is_other_unit
    from {{ ref('fct_invoice_line') }} as documents
    inner join lines
        on lines.source_system = {{ finance_sync.order_system('documents') }}
        and lines.order_no = documents.order_no
        and lines.line_no = documents.order_line_no
    where not documents.is_deleted and documents.line_status = 'approved'
    group by lines.record_key, documents.invoice_no

),

-- in the order's terms: what came and was not relieved, at the order's price, and what all of it would have cost. What is no more than
-- the currency's smallest unit is rounding, and that is the price's.
valued as (

    select
        stated.*,
        lines.is_quantity,
        lines.digits,
        lines.unit,
        lines.relief_point = stated.document_kind as is_relieving,
        lines.amount_net_txn as order_net_txn,
        lines.amount_txn as order_amount_txn,
        lines.tax_txn as order_tax_txn,
        coalesce(relieved.relieved_txn, 0) as relieved_txn,
        case
            when not lines.is_quantity then stated.net_txn
            else {{ finance_sync.at_order_price('stated.quantity') }}
        end as value_txn,
        case
            when lines.is_quantity
                then {{ finance_sync.at_order_price('(stated.quantity - coalesce(relieved.relieved_quantity, 0))') }}
        end as beyond_txn
    from stated
    inner join lines on lines.record_key = stated.record_key
    left join relieved
        on relieved.record_key = stated.record_key
        and relieved.document_kind = stated.document_kind
        and relieved.document_no = stated.document_no

),

gross as (

    select
        valued.*,
        cast(valued.value_txn + case
            when valued.order_tax_txn = 0 then 0
            else coalesce({{ finance_sync.pro_rata('valued.order_tax_txn', 'valued.value_txn', 'valued.order_net_txn') }}, 0)
        end as numeric(18,4)) as value_gross_txn,
        cast(valued.beyond_txn + case
            when valued.order_tax_txn = 0 then 0
            else coalesce({{ finance_sync.pro_rata('valued.order_tax_txn', 'valued.beyond_txn', 'valued.order_net_txn') }}, 0)
        end as numeric(18,4)) as beyond_gross_txn
    from valued

),

beyond as (

    select
        gross.*,
        cast(case
            when not gross.is_relieving or (not gross.is_quantity and gross.is_other_currency) then 0
            when gross.is_quantity then {{ finance_sync.round_to('gross.beyond_gross_txn', 'gross.digits') }}
            when abs(gross.value_gross_txn - gross.relieved_txn) <= gross.unit then 0
            else {{ finance_sync.round_to('gross.value_gross_txn', 'gross.digits') }} - gross.relieved_txn
        end as numeric(18,4)) as over_txn
    from gross

),

taxed as (

    select
        beyond.*,
        cast(case
            when beyond.document_kind = 'receipt' or beyond.is_other_currency then 0
            when beyond.order_tax_txn = 0 then beyond.tax_txn
            else beyond.tax_txn - {{ finance_sync.round_to(
                'coalesce(case when beyond.is_relieving then '
                ~ finance_sync.pro_rata('beyond.order_tax_txn', '(beyond.relieved_txn + beyond.over_txn)', 'beyond.order_amount_txn')
                ~ ' else ' ~ finance_sync.pro_rata('beyond.order_tax_txn', 'beyond.value_txn', 'beyond.order_net_txn') ~ ' end, 0)', 'beyond.digits'
            ) }}
        end as numeric(18,4)) as tax_stated_txn
    from beyond

),

explained as (

    select
        taxed.record_key,
        taxed.document_kind,
        taxed.document_no,
        taxed.fiscal_period_id,
        taxed.over_txn,
        taxed.tax_difference_txn,
        cast(case
            when taxed.document_kind = 'receipt' or taxed.is_other_currency then 0
            when taxed.is_relieving
                then taxed.net_txn + taxed.tax_txn - taxed.relieved_txn - taxed.over_txn - taxed.tax_difference_txn
            when not taxed.is_quantity or taxed.is_other_unit or abs(taxed.net_txn - taxed.value_txn) <= taxed.unit then 0
            else taxed.net_txn - {{ finance_sync.round_to('taxed.value_txn', 'taxed.digits') }}
        end as numeric(18,4)) as price_difference_txn
    from (
        select
            taxed.*,
            case when abs(taxed.tax_stated_txn) <= taxed.unit then 0 else taxed.tax_stated_txn end as tax_difference_txn
        from taxed
    ) as taxed

)
{%- endmacro %}
