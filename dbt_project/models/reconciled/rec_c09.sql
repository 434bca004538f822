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
        'aspect': 'posting', 'reason': 'not_posted',
        'compared': 'is_posted or ' ~ as_of() ~ ' - posting_date > coalesce(lag_days, 0)', 'differs': 'not is_posted',
        'difference': 'amount_txn', 'right': 'cast(null as numeric(28,4))', 'right_value': "'not posted'",
        'text': "'approved for ' || cast(amount_txn as varchar) || ' ' || currency_code || ' and not posted'",
    },
    {
        'aspect': 'duplicate', 'reason': 'posted_twice', 'compared': 'is_posted', 'differs': 'times_posted >= 2',
        'difference': 'difference_txn', 'right': 'posted_txn', 'right_value': 'cast(times_posted as varchar)',
        'text': "'posted ' || cast(times_posted as varchar) || ' times, ' || cast(posted_txn as varchar) || ' ' || currency_code || ' for '
            || cast(amount_txn as varchar)",
    },
    {
        'aspect': 'amount', 'reason': 'amount_differs', 'compared': 'is_posted and not has_other_currency and times_posted < 2',
        'differs': 'difference_txn <> 0', 'tolerated': true,
        'difference': 'difference_txn', 'right': 'posted_txn', 'right_value': 'cast(posted_txn as varchar)',
        'text': "'approved for ' || cast(amount_txn as varchar) || ', posted for ' || cast(posted_txn as varchar) || ' ' || currency_code",
    },
    {
        'aspect': 'currency', 'reason': 'currency_differs', 'compared': 'has_lines', 'differs': 'has_other_currency',
        'functional': 'amount_txn * rate_functional', 'group': 'amount_txn * rate_group', 'right_value': 'other_currency',
        'text': "'approved in ' || currency_code || ', posted in ' || other_currency",
    },
    {
        'aspect': 'period', 'reason': 'period_differs', 'compared': 'is_posted', 'differs': 'other_period_id is not null',
        'functional': 'other_period_functional', 'group': 'other_period_group', 'right_value': 'other_period_id',
        'text': "'belongs to ' || fiscal_period_id || ', posted in ' || other_period_id",
    },
    {
        'aspect': 'coding', 'reason': 'coding_differs', 'compared': 'is_posted', 'differs': 'other_coding is not null',
        'functional': 'other_coding_functional', 'group': 'other_coding_group', 'right_value': 'other_coding',
        'text': "'posted on account / cost center ' || other_coding || ', which the invoice does not name'",
    },
] %}

compared_invoices as not materialized (
    {%- for item in aspects %}

    select
        legal_entity_id,
        fiscal_period_id,
        case
            when {{ item.differs }}
            {%- if item.tolerated %} and not {{ is_within(
                'cast(' ~ item.difference ~ ' * coalesce(rate_functional, 1) as numeric(28,4))',
                'cast(amount_txn * coalesce(rate_functional, 1) as numeric(28,4))',
                'matched'
            ) }}{% endif %}
                then '{{ item.reason }}'
        end as reason_code,
        not ({{ item.differs }}) as is_equal,
        '{{ item.aspect }}' as aspect,
        source_system || '|' || invoice_no as business_key,
        source_system as left_system,
        ledger_system as right_system,
        {% if item.aspect == 'currency' %}currency_code{% elif item.aspect == 'period' %}fiscal_period_id{% else %}cast(amount_txn as varchar){% endif %} as left_value,
        {{ item.right_value }} as right_value,
        amount_txn as left_amount,
        {{ item.right or 'posted_txn' }} as right_amount,
        {{ item.difference or 'cast(null as numeric(28,4))' }} as difference_amount,
        currency_code,
        cast({{ item.functional or item.difference ~ ' * rate_functional' }} as numeric(28,4)) as amount_functional,
        cast({{ item.group or item.difference ~ ' * rate_group' }} as numeric(28,4)) as amount_group,
        supplier_id,
        {% if item.aspect == 'coding' %}other_account_id{% else %}cast(null as varchar){% endif %} as account_id,
        {% if item.aspect == 'coding' %}other_cost_center_id{% else %}cast(null as varchar){% endif %} as cost_center_id,
        invoice_date as document_date,
        case when {{ item.differs }} then 'Invoice ' || invoice_no || ': ' || {{ item.text }} || '.' end as message
    from matched
    where {{ item.compared }}
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

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

-- 7. the cell that a failing invoice concerns, where all its lines are in one
failing_cells as (

    select
        cells.source_system,
        cells.invoice_no,
        case when min(cells.cell_id) = max(cells.cell_id) then min(cells.cell_id) end as cell_id,
        case when min(cells.account_id collate "C") = max(cells.account_id collate "C") then min(cells.account_id collate "C") end
            as account_id,
        case
            when min(cells.cost_center_id collate "C") = max(cells.cost_center_id collate "C")
                then min(cells.cost_center_id collate "C")
        end as cost_center_id
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
        where not lines.is_deleted and lines.line_status = 'approved'
            and lines.source_system || '|' || lines.invoice_no in (
                select compared_invoices.business_key from compared_invoices where compared_invoices.reason_code is not null
            )
    ) as cells
    group by cells.source_system, cells.invoice_no

),

compared as not materialized (

    select
        compared_invoices.legal_entity_id,
        compared_invoices.fiscal_period_id,
        compared_invoices.reason_code,
        compared_invoices.is_equal,
        compared_invoices.aspect,
        compared_invoices.business_key,
        compared_invoices.left_system,
        compared_invoices.right_system,
        compared_invoices.left_value,
        compared_invoices.right_value,
        compared_invoices.left_amount,
        compared_invoices.right_amount,
        compared_invoices.difference_amount,
        compared_invoices.currency_code,
        compared_invoices.amount_functional,
        compared_invoices.amount_group,
        cast(null as numeric(28,4)) as quantity_difference,
        compared_invoices.supplier_id,
        coalesce(compared_invoices.account_id, failing_cells.account_id) as account_id,
        coalesce(compared_invoices.cost_center_id, failing_cells.cost_center_id) as cost_center_id,
        failing_cells.cell_id,
        compared_invoices.document_date,
        compared_invoices.message
    from compared_invoices
    left join failing_cells
        on compared_invoices.reason_code is not null
        and failing_cells.source_system || '|' || failing_cells.invoice_no = compared_invoices.business_key

    union all

    select
        posted_alone.legal_entity_id,
        posted_alone.fiscal_period_id,
        'posting_without_invoice' as reason_code,
        false as is_equal,
        'posting' as aspect,
        posted_alone.ledger_system || '|' || posted_alone.invoice_no as business_key,
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

    {{ control_result('C09') }}

)

{{ cast_to_contract('final') }}
