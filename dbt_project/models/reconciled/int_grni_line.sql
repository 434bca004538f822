{{ config(materialized='incremental', incremental_strategy='scope_replace', unique_key='order_key', on_schema_change='fail') }}

-- 1. the ledger's side: what stands on the GR/IR accounts, by order line
with ledger as (

    select * from {{ ref('int_order_ledger') }} where grni_count > 0

),

-- 2. the documents' side: order lines whose receipt relieves, of entities whose GR/IR account is named. Where another unit or currency
--    came, quantities say nothing (C07 tells of it).
accruing as (

    select distinct legal_entity_id
    from (
        {{ role_accounts('gr_ir') }}
    ) as accounts

),

orders as (

    select
        stored.source_system || '|' || stored.order_no || '|' || cast(stored.line_no as varchar) as order_key,
        stored.record_key,
        stored.source_system,
        stored.order_no,
        stored.line_no,
        stored.legal_entity_id,
        stored.fiscal_period_id,
        stored.line_type,
        stored.order_date,
        stored.currency_code,
        stored.unit_price,
        stored.quantity_ordered as quantity,
        stored.amount_net_txn,
        stored.amount_tax_txn,
        stored.rate_functional,
        stored.rate_group,
        stored.supplier_id,
        stored.account_id,
        stored.cost_center_id,
        stored.project_id,
        {{ segment_list('stored') }},
        stored.received_on,
        stored.invoiced_on,
        stored.quantity_received,
        stored.quantity_invoiced,
        case when stored.line_type = 'quantity' then stored.received_value_txn else stored.amount_received_txn end as received_net_txn,
        case when stored.line_type = 'quantity' then stored.invoiced_value_txn else stored.amount_net_invoiced_txn end
            as invoiced_net_txn,
        stored.other_unit_on is not null or (stored.line_type <> 'quantity' and stored.other_currency_on is not null) as is_other
    from {{ ref('int_order_line') }} as stored
    where stored.relief_point = 'receipt'
        and stored.legal_entity_id in (select accruing.legal_entity_id from accruing)
        and stored.receipt_count + stored.invoice_count > 0

),

-- 3. both sides; in a later build those of which one lies in a period that is rebuilt
paired as (

    select
        coalesce(orders.order_key, ledger.order_key) as order_key,
        orders.record_key,
        coalesce(orders.source_system, ledger.order_system) as source_system,
        coalesce(orders.order_no, ledger.order_no) as order_no,
        coalesce(orders.line_no, ledger.order_line_no) as line_no,
        coalesce(orders.legal_entity_id, ledger.legal_entity_id) as legal_entity_id,
        orders.line_type,
        orders.order_date,
        orders.currency_code,
        orders.unit_price,
        orders.quantity,
        orders.amount_net_txn,
        orders.amount_tax_txn,
        orders.rate_functional,
        orders.rate_group,
        orders.supplier_id,
        orders.account_id,
        orders.cost_center_id,
        orders.project_id,
        {{ segment_list('orders') }},
        orders.quantity_received,
        orders.quantity_invoiced,
        coalesce(orders.received_net_txn, 0) as received_net_txn,
        coalesce(orders.invoiced_net_txn, 0) as invoiced_net_txn,
        coalesce(orders.is_other, false) as is_other,
        ledger.ledger_system,
        ledger.grni_account_id,
        coalesce(ledger.accrued_functional, 0) as accrued_functional,
        coalesce(ledger.cleared_functional, 0) as cleared_functional,
        coalesce(ledger.grni_functional, 0) as ledger_functional,
        case when ledger.order_key is null then 0 else ledger.grni_group end as ledger_group,
        greatest(orders.received_on, orders.invoiced_on, ledger.grni_on) as dated_on
    from orders
    full join ledger on ledger.order_key = orders.order_key
    {%- if is_incremental() %}
    where coalesce(orders.order_key, ledger.order_key) in (
        select touched.order_key from orders as touched where {{ in_scope('touched') }}
        union
        select touched.order_key from ledger as touched where {{ in_scope('touched') }}
        union
        select stored.order_key from {{ this }} as stored where {{ in_scope('stored') }}
    )
    {%- endif %}

),

valued as (

    select
        paired.*,
        case
            when paired.received_net_txn = paired.invoiced_net_txn then cast(0 as numeric(18,4))
            else cast(
                paired.received_net_txn - paired.invoiced_net_txn
                + case
                    when paired.amount_tax_txn = 0 then 0
                    else coalesce({{ pro_rata(
                        'paired.amount_tax_txn', 'paired.received_net_txn - paired.invoiced_net_txn', 'paired.amount_net_txn'
                    ) }}, 0)
                end
                as numeric(18,4)
            )
        end as open_txn
    from paired

),

-- 4. documents of the last days, which the ledger may have or not (the days are those of C09): what they add and what they take
tolerance_keys as (

    select distinct legal_entity_id, 'invoice' as category, {{ as_of() }} as tolerance_date from valued

),

lags as (

    {{ tolerances('C09', 'tolerance_keys', ['posting']) }}

),

recent as (
    {%- for fact, status, sign, amount in [
        ('fct_receipt_line', 'posted', '', 'amount_txn'), ('fct_invoice_line', 'approved', '-', 'amount_net_txn'),
    ] %}

    select
        lines.order_key,
        cast({{ sign }}(case when lines.line_type = 'quantity' then {{ at_order_price('documents.quantity') }} else documents.{{ amount }} end)
            as numeric(18,4)) as net_txn
    from {{ ref(fact) }} as documents
    inner join valued as lines
        on lines.source_system = {{ order_system('documents') }}
        and lines.order_no = documents.order_no
        and lines.line_no = documents.order_line_no
        and lines.record_key is not null
    inner join lags on lags.legal_entity_id = lines.legal_entity_id
    where not documents.is_deleted
        and documents.line_status = '{{ status }}'
        and documents.posting_date <= {{ as_of() }}
        and {{ as_of() }} - documents.posting_date <= lags.lag_days
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

recently as (

    select
        order_key,
        cast(sum(case when net_txn > 0 then net_txn else 0 end) as numeric(18,4)) as added_net_txn,
        cast(sum(case when net_txn < 0 then -net_txn else 0 end) as numeric(18,4)) as taken_net_txn
    from recent
    group by order_key

),

-- 5. since when it stands: the first receipt (or, where more is invoiced than received, invoice) that the other side does not cover
since as (
    {%- for fact, status, measure, amount, other in [
        ('fct_receipt_line', 'posted', 'received', 'amount_txn', 'invoiced'),
        ('fct_invoice_line', 'approved', 'invoiced', 'amount_net_txn', 'received'),
    ] %}

    select
        running.order_key,
        min(running.posting_date) as open_since
    from (
        select
            lines.order_key,
            documents.posting_date,
            case when lines.line_type = 'quantity' then lines.quantity_{{ other }} else lines.{{ other }}_net_txn end as covered,
            sum(case when lines.line_type = 'quantity' then documents.quantity else documents.{{ amount }} end) over (
                partition by lines.order_key order by documents.posting_date, documents.record_key collate "C"
                rows unbounded preceding
            ) as came
        from {{ ref(fact) }} as documents
        inner join valued as lines
            on lines.source_system = {{ order_system('documents') }}
            and lines.order_no = documents.order_no
            and lines.line_no = documents.order_line_no
            and lines.{{ measure }}_net_txn > lines.{{ other }}_net_txn
        where not documents.is_deleted
            and documents.line_status = '{{ status }}'
            and documents.posting_date <= {{ as_of() }}
    ) as running
    where running.came > running.covered
    group by running.order_key
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

final as (

    select
        valued.*,
        {%- for part in ['received', 'invoiced'] %}
        cast(valued.{{ part }}_net_txn + case
            when coalesce(valued.amount_tax_txn, 0) = 0 then 0
            else coalesce({{ pro_rata('valued.amount_tax_txn', 'valued.' ~ part ~ '_net_txn', 'valued.amount_net_txn') }}, 0)
        end as numeric(18,4)) as {{ part }}_txn,
        {%- endfor %}
        case when valued.open_txn = 0 then 0 else {{ times('valued.open_txn', 'valued.rate_functional') }} end as open_functional,
        case when valued.open_txn = 0 then 0 else {{ times('valued.open_txn', 'valued.rate_group') }} end as open_group,
        {%- for part in ['added', 'taken'] %}
        case
            when recently.order_key is null then 0
            else cast(cast(recently.{{ part }}_net_txn + case
                when coalesce(valued.amount_tax_txn, 0) = 0 then 0
                else coalesce({{ pro_rata('valued.amount_tax_txn', 'recently.' ~ part ~ '_net_txn', 'valued.amount_net_txn') }}, 0)
            end as numeric(28,4)) * valued.rate_functional as numeric(18,4))
        end as {{ part }}_recently_functional,
        {%- endfor %}
        since.open_since,
        coalesce(period.fiscal_period_id, 'UNMAPPED') as fiscal_period_id
    from valued
    left join recently on recently.order_key = valued.order_key
    left join since on since.order_key = valued.order_key
    left join {{ ref('int_entity_day') }} as period
        on period.legal_entity_id = valued.legal_entity_id and period.period_day = valued.dated_on

)

{{ cast_to_contract('final') }}
