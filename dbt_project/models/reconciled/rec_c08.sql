{{ config(materialized='incremental', incremental_strategy='scope_replace', on_schema_change='fail') }}

{%- set invoice_line_lives = "lines.line_status in ('approved', 'pending', 'disputed')" %}

-- 1. candidates; in a later build those of groups of which one lies in a period that is rebuilt
with candidates as (

    select *
    from {{ ref('int_invoice_candidate') }} as candidates
    {%- if is_incremental() %}
    where (candidates.aspect, candidates.group_key) in (
        select fresh.aspect, fresh.group_key from {{ ref('int_invoice_candidate') }} as fresh where {{ in_scope('fresh') }}
    )
    {%- endif %}

),

-- 2. one row per group, dated by the last document that counts
ranked as (

    select
        candidates.*,
        row_number() over (
            partition by candidates.aspect, candidates.group_key
            order by candidates.is_reversed, candidates.posting_date desc, candidates.record_key collate "C" desc
        ) as from_last
    from candidates

),

groups as (

    select
        ranked.aspect,
        ranked.group_key,
        min(ranked.block_key) as block_key,
        -- of one amount, documents of one number are one candidate: their number tells of them already
        count(distinct case
            when ranked.is_reversed then null
            when ranked.aspect = 'amount' then coalesce(ranked.number_key, ranked.record_key)
            else ranked.record_key
        end) as candidate_count,
        count(case when ranked.aspect = 'amount' and not ranked.is_reversed and not ranked.is_ordered then 1 end) as unordered_count,
        min(ranked.record_key collate "C") as first_key,
        min(ranked.supplier_key) as supplier_key,
        min(ranked.supplier_id) as supplier_id,
        min(ranked.document_type) as document_type,
        max(case when ranked.from_last = 1 then ranked.legal_entity_id end) as legal_entity_id,
        max(case when ranked.from_last = 1 then ranked.fiscal_period_id end) as fiscal_period_id,
        max(case when ranked.from_last = 1 then ranked.source_system end) as source_system,
        max(case when ranked.from_last = 1 then ranked.invoice_date end) as document_date,
        min(ranked.currency_code collate "C") as currency_code,
        max(ranked.currency_code collate "C") as last_currency,
        min(ranked.invoice_date) as first_date,
        max(ranked.invoice_date) as last_date
        {%- for unit in ['txn', 'functional', 'group'] %},
        -- the largest of them is taken for the right one; with an amount that is not known there is no sum
        case
            when count(case when not ranked.is_reversed then ranked.amount_{{ unit }} end)
                = count(case when not ranked.is_reversed then 1 end)
                then sum(case when not ranked.is_reversed then ranked.amount_{{ unit }} end)
        end as amount_{{ unit }},
        case
            when min(ranked.document_type) = 'invoice' then max(case when not ranked.is_reversed then ranked.amount_{{ unit }} end)
            else min(case when not ranked.is_reversed then ranked.amount_{{ unit }} end)
        end as kept_{{ unit }}
        {%- endfor %}
    from ranked
    group by ranked.aspect, ranked.group_key

),

judged as (

    select
        groups.*,
        case
            when groups.candidate_count < 2 or (groups.aspect = 'amount' and groups.unordered_count = 0) then null
            when groups.candidate_count > 2 then 'several_candidates'
            when groups.aspect = 'number' then 'same_number'
            else 'same_amount'
        end as reason_code
    from groups

),

-- 3. what fails, with its documents named, those that do not count apart
named as (

    select
        ranked.aspect,
        ranked.group_key,
        string_agg(
            case when not ranked.is_reversed then ranked.invoice_no end, ', ' order by ranked.posting_date, ranked.invoice_no collate "C"
        ) as counted,
        string_agg(
            case when ranked.is_reversed then ranked.invoice_no end, ', ' order by ranked.posting_date, ranked.invoice_no collate "C"
        ) as reversed
    from ranked
    inner join judged
        on judged.aspect = ranked.aspect and judged.group_key = ranked.group_key
    where judged.reason_code is not null
    group by ranked.aspect, ranked.group_key

),

voided as (

    select
        found.aspect,
        found.group_key,
        string_agg(found.invoice_no, ', ' order by found.invoice_no collate "C") as voided
    from (
        select distinct
            ranked.aspect,
            ranked.group_key,
            documents.invoice_no
        from ranked
        inner join {{ ref('int_invoice_document') }} as documents
            on documents.document_status = 'voided'
            and documents.supplier_key = ranked.supplier_key
            and documents.document_type = ranked.document_type
            and case
                when ranked.aspect = 'number' then documents.number_key = ranked.number_key
                else documents.currency_code = ranked.currency_code and documents.amount_txn = ranked.amount_txn
                    and documents.invoice_date = ranked.invoice_date
            end
    ) as found
    group by found.aspect, found.group_key

),

-- 4. the coding that the documents of a group have, where it is one
codings as (

    select
        coded.aspect,
        coded.group_key,
        case when min(coded.cell_id) = max(coded.cell_id) then min(coded.cell_id) end as cell_id,
        case when min(coded.account_id) = max(coded.account_id) then min(coded.account_id) end as account_id,
        case when min(coded.cost_center_id) = max(coded.cost_center_id) then min(coded.cost_center_id) end as cost_center_id
    from (
        select
            ranked.aspect,
            ranked.group_key,
            lines.account_id,
            lines.cost_center_id,
            {{ cell_id('lines.legal_entity_id', control_cost_center('lines'), control_account('lines'), 'lines.project_id', 'lines') }}
                as cell_id
        from ranked
        inner join judged
            on judged.aspect = ranked.aspect and judged.group_key = ranked.group_key
        inner join {{ ref('fct_invoice_line') }} as lines
            on lines.source_system = ranked.source_system and lines.invoice_no = ranked.invoice_no
        {{ control_level_joins('lines') }}
        where judged.reason_code is not null and not ranked.is_reversed and not lines.is_deleted
            and {{ invoice_line_lives }}
    ) as coded
    group by coded.aspect, coded.group_key

),

-- 5. order lines that an invoice waits for which is not yet approved. Those invoiced beyond the order by approved invoices alone are
--    control C07's.
waiting as (

    select distinct
        orders.record_key
    from {{ ref('fct_invoice_line') }} as lines
    inner join {{ ref('int_order_line') }} as orders
        on orders.source_system = {{ order_system('lines') }}
        and orders.order_no = lines.order_no
        and orders.line_no = lines.order_line_no
    where not lines.is_deleted
        and lines.line_status in ('pending', 'disputed')
        and lines.posting_date <= {{ as_of() }}
        and {{ in_scope('lines') }}

),

order_lines as (

    select
        orders.record_key,
        sum(lines.quantity) as quantity_invoiced,
        sum(lines.amount_net_txn) as amount_net_txn,
        count(distinct case when lines.amount_net_txn > 0 then lines.source_system || '|' || lines.invoice_no end)
            as candidate_count,
        max(case when lines.line_status <> 'approved' then lines.posting_date end) as dated_on,
        max(case when lines.line_status <> 'approved' then lines.source_system end) as invoice_system,
        max(case when lines.line_status <> 'approved' then lines.invoice_no end) as waiting_no,
        count(case when orders.line_type = 'quantity' and lines.unit_code <> orders.unit_code then 1 end)
        + count(case when orders.line_type <> 'quantity' and lines.currency_code <> orders.currency_code then 1 end)
            as other_count
    from {{ ref('int_order_line') }} as orders
    inner join {{ ref('fct_invoice_line') }} as lines
        on {{ order_system('lines') }} = orders.source_system
        and lines.order_no = orders.order_no
        and lines.order_line_no = orders.line_no
    where orders.record_key in (select waiting.record_key from waiting)
        and not lines.is_deleted
        and {{ invoice_line_lives }}
        and lines.posting_date <= {{ as_of() }}
    group by orders.record_key

),

line_tolerance_keys as (

    select distinct orders.legal_entity_id, 'invoice' as category, orders.order_date as tolerance_date
    from {{ ref('int_order_line') }} as orders
    where orders.record_key in (select waiting.record_key from waiting)

),

line_limits as (

    {{ tolerances('C08', 'line_tolerance_keys', ['order_line']) }}

),

valued_lines as (

    select
        lines.*,
        orders.invoiced_value_txn,
        orders.ordered_value_txn,
        waits.candidate_count,
        waits.dated_on,
        waits.waiting_no,
        waits.invoice_system as waiting_system,
        case
            when lines.line_type = 'quantity' then orders.ordered_value_txn
            else lines.amount_net_txn
        end as ordered_txn,
        cast(case
            when lines.line_type = 'quantity' then {{ at_order_price('waits.quantity_invoiced') }}
            else waits.amount_net_txn
        end as numeric(18,4)) as invoiced_txn,
        waits.candidate_count > 1 and coalesce(case
            when lines.line_type = 'quantity'
                then orders.quantity_invoiced <= orders.quantity_ordered and waits.quantity_invoiced > orders.quantity_ordered
            else orders.amount_net_invoiced_txn <= orders.amount_net_txn and waits.amount_net_txn > orders.amount_net_txn
        end, false) as is_beyond,
        limits.absolute_functional,
        limits.percent,
        coalesce(period.fiscal_period_id, 'UNMAPPED') as dated_period_id
    from order_lines as waits
    inner join {{ ref('int_order_line') }} as orders on orders.record_key = waits.record_key
    inner join {{ ref('fct_purchase_order_line') }} as lines on lines.record_key = waits.record_key
    left join line_limits as limits
        on limits.legal_entity_id = orders.legal_entity_id and limits.tolerance_date = orders.order_date
    left join {{ ref('int_entity_day') }} as period
        on period.legal_entity_id = orders.legal_entity_id and period.period_day = waits.dated_on
    where waits.other_count = 0

),

judged_lines as (

    select
        valued_lines.*,
        case
            when not is_beyond then null
            when {{ is_within(
                valued('invoiced_txn - ordered_txn', 'coalesce(rate_functional, 1)'),
                valued('ordered_txn', 'coalesce(rate_functional, 1)'),
                'valued_lines'
            ) }} then null
            when candidate_count > 2 then 'several_candidates'
            else 'order_line_twice'
        end as reason_code
    from valued_lines

),

compared as (

    select
        judged.legal_entity_id,
        judged.fiscal_period_id,
        judged.reason_code,
        judged.reason_code is null as is_equal,
        judged.aspect,
        case judged.aspect when 'number' then judged.block_key else judged.first_key end as business_key,
        1 as row_count,
        judged.source_system as left_system,
        judged.source_system as right_system,
        judged.supplier_key as left_value,
        named.counted as right_value,
        case when judged.currency_code = judged.last_currency then judged.kept_txn end as left_amount,
        case when judged.currency_code = judged.last_currency then judged.amount_txn end as right_amount,
        case when judged.currency_code = judged.last_currency then judged.kept_txn - judged.amount_txn end as difference_amount,
        case when judged.currency_code = judged.last_currency then judged.currency_code end as currency_code,
        case when judged.reason_code is null then 0 else judged.amount_functional - judged.kept_functional end as amount_functional,
        case when judged.reason_code is null then 0 else judged.amount_group - judged.kept_group end as amount_group,
        cast(null as numeric(28,4)) as quantity_difference,
        judged.supplier_id,
        codings.account_id,
        codings.cost_center_id,
        codings.cell_id,
        judged.document_date,
        case when judged.document_type = 'invoice' then 'Invoices ' else 'Credit memos ' end || named.counted
        || ' of supplier ' || judged.supplier_key
        || case
            when judged.aspect = 'number' then ' have the same number'
            else ' have the same amount, dated ' || cast(judged.first_date as varchar) || ' to ' || cast(judged.last_date as varchar)
        end
        || case when judged.candidate_count > 2 then '; which of them belongs to which cannot be told' else '' end
        || coalesce('; voided and not counted: ' || voided.voided, '')
        || coalesce('; credited and not counted: ' || named.reversed, '') || '.' as message
    from judged
    left join named
        on named.aspect = judged.aspect and named.group_key = judged.group_key
    left join voided
        on voided.aspect = judged.aspect and voided.group_key = judged.group_key
    left join codings
        on codings.aspect = judged.aspect and codings.group_key = judged.group_key

    union all

    select
        lines.legal_entity_id,
        lines.dated_period_id as fiscal_period_id,
        lines.reason_code,
        not lines.is_beyond as is_equal,
        'order_line' as aspect,
        lines.source_system || '|' || lines.order_no || '|' || cast(lines.line_no as varchar) as business_key,
        1 as row_count,
        lines.source_system as left_system,
        lines.waiting_system as right_system,
        cast(lines.ordered_txn as varchar) as left_value,
        lines.waiting_no as right_value,
        lines.ordered_txn as left_amount,
        lines.invoiced_txn as right_amount,
        lines.ordered_txn - lines.invoiced_txn as difference_amount,
        lines.currency_code,
        case when lines.is_beyond
            then cast({{ valued('lines.invoiced_txn - lines.ordered_txn', 'lines.rate_functional') }} as numeric(28,4)) else 0
        end as amount_functional,
        case when lines.is_beyond
            then cast({{ valued('lines.invoiced_txn - lines.ordered_txn', 'lines.rate_group') }} as numeric(28,4)) else 0
        end as amount_group,
        cast(null as numeric(28,4)) as quantity_difference,
        lines.supplier_id,
        lines.account_id,
        lines.cost_center_id,
        case when lines.reason_code is not null then {{ cell_id(
            'lines.legal_entity_id', control_cost_center('lines'), control_account('lines'), 'lines.project_id', 'lines'
        ) }} end as cell_id,
        lines.dated_on as document_date,
        'Order ' || lines.order_no || ' line ' || cast(lines.line_no as varchar) || ' is ordered for '
        || cast(lines.ordered_txn as varchar) || ' ' || lines.currency_code || '; with invoice ' || lines.waiting_no
        || ', which waits for approval, ' || cast(lines.candidate_count as varchar) || ' invoices come to '
        || cast(lines.invoiced_txn as varchar) || '.' as message
    from judged_lines as lines
    {{ control_level_joins('lines') }}

),

-- 6. documents that nobody is compared with: with a number, or without an order, and no candidates
documents as (
    {%- for aspect, condition in [
        ('number', 'documents.number_key is not null'),
        ('amount', "not documents.is_ordered and documents.document_type = 'invoice' and documents.amount_txn <> 0"),
    ] %}

    select documents.legal_entity_id, documents.fiscal_period_id, '{{ aspect }}' as aspect, count(*) as row_count
    from {{ ref('int_invoice_document') }} as documents
    where documents.document_status = 'live' and documents.supplier_key is not null
        and {{ condition }} and {{ in_scope('documents') }}
    group by documents.legal_entity_id, documents.fiscal_period_id

    union all

    select documents.legal_entity_id, documents.fiscal_period_id, '{{ aspect }}' as aspect, -count(*) as row_count
    from {{ ref('int_invoice_candidate') }} as documents
    where documents.aspect = '{{ aspect }}' and {{ condition }} and {{ in_scope('documents') }}
    group by documents.legal_entity_id, documents.fiscal_period_id
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

alone as (

    select legal_entity_id, fiscal_period_id, aspect, sum(row_count) as row_count
    from documents
    group by legal_entity_id, fiscal_period_id, aspect
    having sum(row_count) > 0

),

passing as (

    select
        held.legal_entity_id,
        held.fiscal_period_id,
        held.is_equal,
        held.aspect,
        sum(held.row_count) as row_count,
        sum(held.amount_functional) as amount_functional,
        sum(held.amount_group) as amount_group
    from (
        select legal_entity_id, fiscal_period_id, is_equal, aspect, row_count, amount_functional, amount_group
        from compared
        where reason_code is null
        union all
        select legal_entity_id, fiscal_period_id, true as is_equal, aspect, row_count, 0 as amount_functional, 0 as amount_group
        from alone
    ) as held
    group by held.legal_entity_id, held.fiscal_period_id, held.is_equal, held.aspect

),

gathered as (

    {{ failing_and_passing('compared', 'passing') }}

),

final as (

    {{ control_result('C08', 'gathered', is_gathered=true) }}

)

{{ cast_to_contract('final') }}
