{{ config(materialized='incremental', incremental_strategy='scope_replace', on_schema_change='fail') }}

-- 1. what documents state
with stated as (

    select *
    from {{ ref('fct_document_total') }}
    where not is_deleted

),

-- 2. what their lines come to, for the kinds of document whose totals a system states at all
lines as (

    {% for kind, fact, number, day in [
        ('purchase_order', 'fct_purchase_order_line', 'order_no', 'order_date'),
        ('invoice', 'fct_invoice_line', 'invoice_no', 'posting_date'),
    ] -%}
    select
        source_system,
        '{{ kind }}' as document_type,
        {{ number }} as document_no,
        min(legal_entity_id) as legal_entity_id,
        min(fiscal_period_id) as fiscal_period_id,
        min(supplier_id) as supplier_id,
        min(currency_code) as currency_code,
        min({{ day }}) as document_date,
        count(*) as line_count,
        cast(sum(amount_net_txn) as numeric(18,4)) as amount_net_txn,
        cast(sum(amount_functional) as numeric(18,4)) as amount_functional,
        cast(sum(amount_group) as numeric(18,4)) as amount_group
    from {{ ref(fact) }}
    where not is_deleted
        and source_system in (select source_system from stated where document_type = '{{ kind }}')
    group by source_system, {{ number }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

-- 3. two comparisons a document: its parts against its total, its lines against its net amount (both sides)
comparisons as (

    select
        source_system || '|' || document_type || '|' || document_no as business_key,
        'parts' as aspect,
        document_type,
        document_no,
        source_system,
        legal_entity_id,
        fiscal_period_id,
        supplier_id,
        currency_code,
        document_date,
        amount_txn as left_amount,
        cast(coalesce(amount_net_txn, 0) + coalesce(amount_tax_txn, 0) + coalesce(amount_other_txn, 0) as numeric(18,4))
            as right_amount,
        rate_functional,
        rate_group,
        cast(null as numeric(18,4)) as lines_functional,
        cast(null as numeric(18,4)) as lines_group
    from stated
    where coalesce(amount_net_txn, amount_tax_txn, amount_other_txn) is not null

    union all

    select
        coalesce(stated.source_system, lines.source_system)
        || '|' || coalesce(stated.document_type, lines.document_type)
        || '|' || coalesce(stated.document_no, lines.document_no) as business_key,
        'lines' as aspect,
        coalesce(stated.document_type, lines.document_type) as document_type,
        coalesce(stated.document_no, lines.document_no) as document_no,
        coalesce(stated.source_system, lines.source_system) as source_system,
        coalesce(stated.legal_entity_id, lines.legal_entity_id) as legal_entity_id,
        coalesce(stated.fiscal_period_id, lines.fiscal_period_id) as fiscal_period_id,
        coalesce(stated.supplier_id, lines.supplier_id) as supplier_id,
        coalesce(stated.currency_code, lines.currency_code) as currency_code,
        coalesce(stated.document_date, lines.document_date) as document_date,
        stated.amount_net_txn as left_amount,
        lines.amount_net_txn as right_amount,
        stated.rate_functional,
        stated.rate_group,
        lines.amount_functional as lines_functional,
        lines.amount_group as lines_group
    from (
        select * from stated where document_type <> 'budget'
    ) as stated
    full join lines
        on stated.source_system = lines.source_system
        and stated.document_type = lines.document_type
        and stated.document_no = lines.document_no
    -- a document that states its total only says nothing about its lines
    where stated.document_no is null or stated.amount_net_txn is not null

),

tolerance_keys as (

    select distinct legal_entity_id, document_type as category, document_date as tolerance_date from comparisons

),

limits as (

    {{ tolerances('C26', 'tolerance_keys', ['parts', 'lines']) }}

),

-- 4. a side that is missing is a difference of all that the other has
measured as (

    select
        comparisons.*,
        cast(coalesce(comparisons.left_amount, 0) - coalesce(comparisons.right_amount, 0) as numeric(18,4)) as difference_amount,
        limits.absolute_functional,
        limits.percent
    from comparisons
    left join limits
        on limits.legal_entity_id = comparisons.legal_entity_id
        and limits.category = comparisons.document_type
        and limits.tolerance_date = comparisons.document_date
        and limits.aspect = comparisons.aspect

),

compared as (

    select
        legal_entity_id,
        fiscal_period_id,
        aspect,
        business_key,
        case
            when left_amount is null then 'lines_without_total'
            when right_amount is null then 'total_without_lines'
            when difference_amount = 0 then null
            when {{ is_within(times('difference_amount', 'rate_functional'), times('left_amount', 'rate_functional'), 'measured') }}
                then null
            when aspect = 'parts' then 'parts_differ'
            else 'lines_differ'
        end as reason_code,
        coalesce(difference_amount = 0 and left_amount is not null and right_amount is not null, false) as is_equal,
        source_system as left_system,
        source_system as right_system,
        document_type || ' ' || document_no as left_value,
        cast(null as varchar) as right_value,
        left_amount,
        right_amount,
        difference_amount,
        currency_code,
        case when left_amount is null then lines_functional else {{ times('difference_amount', 'rate_functional') }} end
            as amount_functional,
        case when left_amount is null then lines_group else {{ times('difference_amount', 'rate_group') }} end
            as amount_group,
        cast(null as numeric(18,4)) as quantity_difference,
        supplier_id,
        cast(null as varchar) as account_id,
        cast(null as varchar) as cost_center_id,
        cast(null as varchar) as cell_id,
        document_date,
        'Document ' || document_no || ' states ' || {{ words('left_amount') }} || ' '
        || currency_code || '; its ' || aspect || ' come to ' || {{ words('right_amount') }} || '.' as message
    from measured

),

final as (

    {{ control_result('C26') }}

)

{{ cast_to_contract('final') }}
