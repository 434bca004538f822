{{ config(materialized='incremental', incremental_strategy='scope_replace', on_schema_change='fail') }}

-- 1. approved invoices, one row per document, in the period of their posting date
with invoices as (

    select
        invoices.source_system,
        invoices.invoice_no,
        min(invoices.legal_entity_id collate "C") as legal_entity_id,
        min(invoices.document_type collate "C") as document_type,
        min(invoices.currency_code collate "C") as currency_code,
        min(invoices.supplier_id collate "C") as supplier_id,
        max(invoices.invoice_date) as invoice_date,
        max(invoices.posting_date) as posting_date,
        sum(invoices.amount_txn) as amount_txn,
        max(invoices.rate_functional) as rate_functional,
        max(invoices.rate_group) as rate_group
    from {{ ref('fct_invoice_line') }} as invoices
    where not invoices.is_deleted
        and invoices.line_status = 'approved'
        and invoices.posting_date <= {{ as_of() }}
    group by invoices.source_system, invoices.invoice_no

),

scoped as (

    select
        invoices.*,
        coalesce(period.fiscal_period_id, 'UNMAPPED') as fiscal_period_id
    from invoices
    left join {{ ref('int_entity_day') }} as period
        on period.legal_entity_id = invoices.legal_entity_id and period.period_day = invoices.posting_date

),

expected as (

    select * from scoped where {{ in_scope('scoped') }}

),

-- 2. distribution lines of invoice postings: those that name the invoice's line. (The control account's line carries the document
--    number alone.) A ledger that never names lines: its debit lines. Reversals are negative and net.
numbered_ledgers as (

    select distinct lines.source_system
    from {{ ref('fct_journal_line') }} as lines
    where lines.source_document_type = 'invoice' and lines.source_document_line_no is not null

),

distribution as (

    select
        lines.source_system,
        lines.source_document_no as invoice_no,
        lines.source_document_line_no as line_no,
        lines.journal_no,
        lines.legal_entity_id,
        lines.fiscal_period_id,
        lines.posting_date,
        lines.account_id,
        lines.cost_center_id,
        lines.currency_code,
        lines.amount_txn,
        lines.amount_functional,
        lines.amount_group
    from {{ ref('fct_journal_line') }} as lines
    where not lines.is_deleted
        and lines.source_document_type = 'invoice'
        and lines.source_document_no is not null
        and lines.posting_date <= {{ as_of() }}
        and case
            when lines.source_system in (select numbered_ledgers.source_system from numbered_ledgers)
                then lines.source_document_line_no is not null
            else lines.amount_txn > 0
        end
        {%- if is_incremental() %}
        and lines.source_document_no in (
            select expected.invoice_no from expected
            union
            select fresh.source_document_no from {{ ref('fct_journal_line') }} as fresh
            where fresh.source_document_type = 'invoice' and fresh.source_document_no is not null and {{ in_scope('fresh') }}
        )
        {%- endif %}

),

-- 3. per invoice and journal, for postings made twice; then per invoice
by_journal as (

    select
        invoice_no,
        journal_no,
        source_system,
        fiscal_period_id,
        currency_code,
        sum(amount_txn) as amount_txn,
        sum(amount_functional) as amount_functional,
        sum(amount_group) as amount_group,
        min(legal_entity_id collate "C") as legal_entity_id,
        max(posting_date) as posting_date
    from distribution
    group by invoice_no, journal_no, source_system, fiscal_period_id, currency_code

),

journal_nets as (

    select invoice_no, journal_no, source_system, sum(amount_txn) as amount_txn
    from by_journal
    group by invoice_no, journal_no, source_system

),

repeats as (

    select
        expected.source_system,
        expected.invoice_no,
        sum(case
            when journal_nets.amount_txn = expected.amount_txn then 1
            when journal_nets.amount_txn = -expected.amount_txn then -1
            else 0
        end) as times_posted
    from expected
    inner join journal_nets on journal_nets.invoice_no = expected.invoice_no
    where expected.amount_txn <> 0
    group by expected.source_system, expected.invoice_no

),

postings as (

    select
        invoice_no,
        min(source_system collate "C") as ledger_system,
        sum(amount_txn) as amount_txn,
        sum(amount_functional) as amount_functional,
        sum(amount_group) as amount_group,
        min(currency_code collate "C") as first_currency,
        max(currency_code collate "C") as last_currency,
        min(legal_entity_id collate "C") as legal_entity_id,
        max(posting_date) as posting_date
    from by_journal
    group by invoice_no

),

other_periods as (

    select
        expected.source_system,
        expected.invoice_no,
        max(periods.fiscal_period_id collate "C") as fiscal_period_id,
        sum(abs(periods.amount_functional)) as amount_functional,
        sum(abs(periods.amount_group)) as amount_group
    from expected
    inner join (
        select
            invoice_no,
            fiscal_period_id,
            sum(amount_txn) as amount_txn,
            sum(amount_functional) as amount_functional,
            sum(amount_group) as amount_group
        from by_journal
        group by invoice_no, fiscal_period_id
    ) as periods
        on periods.invoice_no = expected.invoice_no
        and periods.fiscal_period_id <> expected.fiscal_period_id
        and periods.amount_txn <> 0
    group by expected.source_system, expected.invoice_no

),

-- 4. coding: expense and revenue accounts and cost centers of the posting that the invoice's line does not have
other_coding as (

    select
        expected.source_system,
        expected.invoice_no,
        min((codings.account_id || ' / ' || codings.cost_center_id) collate "C") as coding,
        min(codings.account_id collate "C") as account_id,
        min(codings.cost_center_id collate "C") as cost_center_id,
        sum(abs(codings.amount_functional)) as amount_functional,
        sum(abs(codings.amount_group)) as amount_group
    from expected
    inner join (
        select
            distribution.invoice_no,
            distribution.line_no,
            distribution.account_id,
            distribution.cost_center_id,
            sum(distribution.amount_txn) as amount_txn,
            sum(distribution.amount_functional) as amount_functional,
            sum(distribution.amount_group) as amount_group
        from distribution
        inner join {{ ref('dim_account') }} as account
            on account.account_id = distribution.account_id and account.account_type in ('expense', 'revenue')
        group by
            distribution.invoice_no, distribution.line_no, distribution.account_id, distribution.cost_center_id
    ) as codings
        on codings.invoice_no = expected.invoice_no and codings.amount_txn <> 0
    where not exists (
        select 1 from {{ ref('fct_invoice_line') }} as lines
        where lines.source_system = expected.source_system
            and lines.invoice_no = expected.invoice_no
            and (lines.line_no = codings.line_no or codings.line_no is null)
            and lines.account_id = codings.account_id
            and lines.cost_center_id = codings.cost_center_id
            and not lines.is_deleted
            and lines.line_status = 'approved'
    )
    group by expected.source_system, expected.invoice_no

),

tolerance_keys as (

    select distinct legal_entity_id, document_type as category, invoice_date as tolerance_date from expected

),

limits as (

    {{ tolerances('C09', 'tolerance_keys', ['posting', 'amount']) }}

),

-- 5. both sides of each invoice
matched as (

    select
        expected.*,
        postings.ledger_system,
        postings.invoice_no is not null as has_lines,
        coalesce(postings.amount_txn, 0) <> 0 or (postings.invoice_no is not null and expected.amount_txn = 0) as is_posted,
        coalesce(postings.amount_txn, 0) as posted_txn,
        coalesce(postings.first_currency <> expected.currency_code or postings.last_currency <> expected.currency_code, false)
            as has_other_currency,
        case
            when postings.first_currency <> expected.currency_code then postings.first_currency else postings.last_currency
        end as other_currency,
        coalesce(repeats.times_posted, 0) as times_posted,
        other_periods.fiscal_period_id as other_period_id,
        other_periods.amount_functional as other_period_functional,
        other_periods.amount_group as other_period_group,
        other_coding.coding as other_coding,
        other_coding.account_id as other_account_id,
        other_coding.cost_center_id as other_cost_center_id,
        other_coding.amount_functional as other_coding_functional,
        other_coding.amount_group as other_coding_group,
        posting_limits.lag_days,
        amount_limits.absolute_functional,
        amount_limits.percent,
        expected.amount_txn - coalesce(postings.amount_txn, 0) as difference_txn
    from expected
    left join postings on postings.invoice_no = expected.invoice_no
    left join repeats
        on repeats.source_system = expected.source_system and repeats.invoice_no = expected.invoice_no
    left join other_periods
        on other_periods.source_system = expected.source_system and other_periods.invoice_no = expected.invoice_no
    left join other_coding
        on other_coding.source_system = expected.source_system and other_coding.invoice_no = expected.invoice_no
    left join limits as posting_limits
        on posting_limits.legal_entity_id = expected.legal_entity_id
        and posting_limits.category = expected.document_type
        and posting_limits.tolerance_date = expected.invoice_date
        and posting_limits.aspect = 'posting'
    left join limits as amount_limits
        on amount_limits.legal_entity_id = expected.legal_entity_id
        and amount_limits.category = expected.document_type
        and amount_limits.tolerance_date = expected.invoice_date
        and amount_limits.aspect = 'amount'

),

{#- Aspects of an invoice: when it can be judged, whether it holds, and what is at risk. #}
{%- set aspects = [
    {
        'aspect': 'posting', 'reason': 'not_posted', 'differs': 'not is_posted', 'difference': 'amount_txn',
        'compared': 'is_posted or ' ~ as_of() ~ ' - posting_date > coalesce(lag_days, 0)',
    },
    {
        'aspect': 'duplicate', 'reason': 'posted_twice', 'differs': 'times_posted >= 2', 'difference': 'difference_txn',
        'compared': 'is_posted',
    },
    {
        'aspect': 'amount', 'reason': 'amount_differs', 'differs': 'difference_txn <> 0', 'difference': 'difference_txn',
        'compared': 'is_posted and not has_other_currency and times_posted < 2', 'tolerated': true,
    },
    {
        'aspect': 'currency', 'reason': 'currency_differs', 'differs': 'has_other_currency', 'compared': 'has_lines',
        'functional': valued('amount_txn', 'rate_functional'), 'group': valued('amount_txn', 'rate_group'),
    },
    {
        'aspect': 'period', 'reason': 'period_differs', 'differs': 'other_period_id is not null', 'compared': 'is_posted',
        'functional': 'other_period_functional', 'group': 'other_period_group',
    },
    {
        'aspect': 'coding', 'reason': 'coding_differs', 'differs': 'other_coding is not null', 'compared': 'is_posted',
        'functional': 'other_coding_functional', 'group': 'other_coding_group',
    },
] %}

judged as (
    {%- for item in aspects %}

    select
        source_system,
        invoice_no,
        legal_entity_id,
        fiscal_period_id,
        '{{ item.aspect }}' as aspect,
        case
            when {{ item.differs }}
            {%- if item.tolerated %} and not {{ is_within(
                valued(item.difference, 'coalesce(rate_functional, 1)'),
                valued('amount_txn', 'coalesce(rate_functional, 1)'),
                'matched'
            ) }}{% endif %}
                then '{{ item.reason }}'
        end as reason_code,
        ({{ item.differs }}) = false as is_equal,
        cast({{ item.difference or 'null' }} as numeric(28,4)) as difference_amount,
        case when {{ item.differs }} then cast(
            {{ item.functional or valued(item.difference, 'rate_functional') }}
            as numeric(28,4)
        ) else 0 end as amount_functional,
        case when {{ item.differs }} then cast(
            {{ item.group or valued(item.difference, 'rate_group') }}
            as numeric(28,4)
        ) else 0 end as amount_group
    from matched
    where {{ item.compared }}
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

gathered as (

    {{ gather('judged', ['source_system', 'invoice_no'], ['difference_amount']) }}

),

-- 6. postings whose invoice is not approved, or does not exist
posted_alone as (

    select
        postings.*,
        coalesce(period.fiscal_period_id, 'UNMAPPED') as fiscal_period_id
    from postings
    left join {{ ref('int_entity_day') }} as period
        on period.legal_entity_id = postings.legal_entity_id and period.period_day = postings.posting_date
    where postings.amount_txn <> 0
        and not exists (
            select 1 from {{ ref('fct_invoice_line') }} as lines
            where lines.invoice_no = postings.invoice_no and not lines.is_deleted and lines.line_status = 'approved'
        )

),

-- 7. the coding that a failing invoice concerns, where all its lines have one
failing_codings as (

    select
        codings.source_system,
        codings.invoice_no,
        case when min(codings.cell_id) = max(codings.cell_id) then min(codings.cell_id) end as cell_id,
        case when min(codings.account_id) = max(codings.account_id) then min(codings.account_id) end as account_id,
        case when min(codings.cost_center_id) = max(codings.cost_center_id) then min(codings.cost_center_id) end
            as cost_center_id
    from (
        select
            lines.source_system,
            lines.invoice_no,
            lines.account_id,
            lines.cost_center_id,
            {{ cell_id('lines.legal_entity_id', control_cost_center('lines'), control_account('lines'), 'lines.project_id', 'lines') }}
                as cell_id
        from {{ ref('fct_invoice_line') }} as lines
        {{ control_level_joins('lines') }}
        where not lines.is_deleted
            and lines.line_status = 'approved'
            and exists (
                select 1 from gathered
                where gathered.source_system = lines.source_system and gathered.invoice_no = lines.invoice_no
            )
    ) as codings
    group by codings.source_system, codings.invoice_no

),

compared as (

    select
        gathered.legal_entity_id,
        gathered.fiscal_period_id,
        gathered.reason_code,
        gathered.is_equal,
        gathered.aspect,
        gathered.source_system || '|' || gathered.invoice_no as business_key,
        gathered.row_count,
        gathered.source_system as left_system,
        matched.ledger_system as right_system,
        case gathered.aspect
            when 'currency' then matched.currency_code
            when 'period' then matched.fiscal_period_id
            else cast(matched.amount_txn as varchar)
        end as left_value,
        case gathered.aspect
            when 'posting' then 'not posted'
            when 'duplicate' then cast(matched.times_posted as varchar) || ' postings'
            when 'currency' then matched.other_currency
            when 'period' then matched.other_period_id
            when 'coding' then matched.other_coding
            else cast(matched.posted_txn as varchar)
        end as right_value,
        matched.amount_txn as left_amount,
        case when gathered.aspect <> 'posting' then matched.posted_txn end as right_amount,
        gathered.difference_amount,
        matched.currency_code,
        gathered.amount_functional,
        gathered.amount_group,
        cast(null as numeric(28,4)) as quantity_difference,
        matched.supplier_id,
        case when gathered.aspect = 'coding' then matched.other_account_id else failing_codings.account_id end as account_id,
        case when gathered.aspect = 'coding' then matched.other_cost_center_id else failing_codings.cost_center_id end
            as cost_center_id,
        failing_codings.cell_id,
        matched.invoice_date as document_date,
        'Invoice ' || gathered.invoice_no || ': '
        || case gathered.reason_code
            when 'not_posted' then
                'approved for ' || cast(matched.amount_txn as varchar) || ' ' || matched.currency_code || ' and not posted'
            when 'posted_twice' then
                'posted ' || cast(matched.times_posted as varchar) || ' times, ' || cast(matched.posted_txn as varchar) || ' '
                || matched.currency_code || ' for ' || cast(matched.amount_txn as varchar)
            when 'amount_differs' then
                'approved for ' || cast(matched.amount_txn as varchar) || ', posted for '
                || cast(matched.posted_txn as varchar) || ' ' || matched.currency_code
            when 'currency_differs' then
                'approved in ' || matched.currency_code || ', posted in ' || matched.other_currency
            when 'period_differs' then
                'belongs to ' || matched.fiscal_period_id || ', posted in ' || matched.other_period_id
            else 'posted on account / cost center ' || matched.other_coding || ', which the invoice does not name'
        end || '.' as message
    from gathered
    left join matched
        on matched.source_system = gathered.source_system and matched.invoice_no = gathered.invoice_no
    left join failing_codings
        on failing_codings.source_system = gathered.source_system and failing_codings.invoice_no = gathered.invoice_no

    union all

    select
        posted_alone.legal_entity_id,
        posted_alone.fiscal_period_id,
        'posting_without_invoice' as reason_code,
        false as is_equal,
        'posting' as aspect,
        posted_alone.ledger_system || '|' || posted_alone.invoice_no as business_key,
        1 as row_count,
        null as left_system,
        posted_alone.ledger_system as right_system,
        'no approved invoice' as left_value,
        cast(posted_alone.amount_txn as varchar) as right_value,
        null as left_amount,
        posted_alone.amount_txn as right_amount,
        -posted_alone.amount_txn as difference_amount,
        posted_alone.first_currency as currency_code,
        posted_alone.amount_functional,
        posted_alone.amount_group,
        null as quantity_difference,
        null as supplier_id,
        null as account_id,
        null as cost_center_id,
        null as cell_id,
        posted_alone.posting_date as document_date,
        'The ledger has posted invoice ' || posted_alone.invoice_no || ' for ' || cast(posted_alone.amount_txn as varchar) || ' '
        || posted_alone.first_currency || '; no approved invoice of that number exists.' as message
    from posted_alone

),

final as (

    {{ control_result('C09', is_gathered=true) }}

)

{{ cast_to_contract('final') }}
