-- ---- C02 ledger balance
create temp table journal_part as
select journal_no, legal_entity_id, fiscal_period_id, sum(amount_functional) as amount_functional
from posting group by all;

insert into passing
select 'C02', legal_entity_id, fiscal_period_id, 'matched', count(*) from journal_part
where amount_functional = 0 group by legal_entity_id, fiscal_period_id;

insert into failing by name
with journal as (
    select
        legal_entity_id, journal_no, max(fiscal_period_id) as fiscal_period_id, max(posting_date) as dated_on,
        coalesce(sum(amount_functional) filter (where amount_functional > 0), 0) as left_amount,
        coalesce(-sum(amount_functional) filter (where amount_functional < 0), 0) as right_amount
    from posting
    where (journal_no, legal_entity_id) in (select journal_no, legal_entity_id from journal_part where amount_functional <> 0)
    group by legal_entity_id, journal_no
)
select
    'C02' as control_id, journal.legal_entity_id, fiscal_period_id, 'journal_unbalanced' as reason_code, 'journal' as aspect,
    'ledger|' || journal_no as business_key, 'ledger' as left_system, 'ledger' as right_system, left_amount, right_amount,
    left_amount - right_amount as difference_amount, entity.functional_currency as currency_code,
    abs(difference_amount) as amount_functional, abs(cast(difference_amount * day.rate_group as decimal(28,4))) as amount_group,
    dated_on as document_date
from journal
left join entity on entity.legal_entity_id = journal.legal_entity_id
left join (select legal_entity_id, period_day, rate_group from entity_day) as day
    on day.legal_entity_id = journal.legal_entity_id and day.period_day = journal.dated_on
where left_amount <> right_amount;

create temp table c02 as
select
    coalesce(lines.legal_entity_id, stated.legal_entity_id) as legal_entity_id,
    coalesce(lines.fiscal_period_id, stated.fiscal_period_id) as fiscal_period_id,
    coalesce(lines.account_id, stated.account_id) as account_id,
    lines.amount_functional as left_amount, stated.amount_functional as right_amount,
    coalesce(lines.amount_functional, 0) - coalesce(stated.amount_functional, 0) as difference_amount,
    coalesce(lines.amount_group, 0) - coalesce(stated.amount_group, 0) as difference_group
from (
    select legal_entity_id, account_id, fiscal_period_id, sum(amount_functional) as amount_functional,
        sum(amount_group) as amount_group from actual group by all
) as lines
full join (
    select legal_entity_id, account_id, fiscal_period_id, sum(amount_functional) as amount_functional,
        sum(amount_group) as amount_group from balance group by all
) as stated using (legal_entity_id, account_id, fiscal_period_id);

insert into passing
select 'C02', legal_entity_id, fiscal_period_id, 'matched', count(*) from c02 where difference_amount = 0 group by all;

insert into failing by name
select
    'C02' as control_id, c02.legal_entity_id, c02.fiscal_period_id,
    case when left_amount is null then 'balance_without_lines' when right_amount is null then 'lines_without_balance'
        else 'balance_differs' end as reason_code,
    'balance' as aspect, 'ledger|' || c02.account_id || '|' || c02.fiscal_period_id as business_key,
    'ledger' as left_system, 'ledger' as right_system, left_amount, right_amount, difference_amount,
    entity.functional_currency as currency_code, abs(difference_amount) as amount_functional,
    abs(coalesce(cast(difference_amount * day.rate_group as decimal(28,4)), difference_group)) as amount_group,
    c02.account_id, least(period.ends_on, date '${as_of}') as document_date
from c02
left join entity on entity.legal_entity_id = c02.legal_entity_id
left join period on period.fiscal_period_id = c02.fiscal_period_id
left join entity_day as day on day.legal_entity_id = c02.legal_entity_id
    and day.period_day = least(period.ends_on, date '${as_of}')
where difference_amount <> 0;

-- ---- C09 invoice to ledger
create temp table distribution as
select
    reference as invoice_no, reference_line as line_no, journal_no, legal_entity_id, fiscal_period_id, posting_date,
    coalesce(account.account_id, 'UNMAPPED') as account_id,
    identity_id(posting.cost_center, cost_center.cost_center_id) as cost_center_id,
    account.account_type in ('revenue', 'expense') as is_coding,
    posting.currency, posting.amount_txn, posting.amount_functional, posting.amount_group
from posting
left join account on account.account_id = posting.account
left join cost_center on cost_center.cost_center_id = posting.cost_center
where document_type = 'RE' and reference is not null and reference_line is not null and posting_date <= date '${as_of}';

create temp table c09 as
with approved as (
    select
        invoice_no, min(legal_entity_id) as legal_entity_id, min(currency) as currency, min(supplier_id) as supplier_id,
        max(invoice_date) as invoice_date, max(posting_date) as posting_date, sum(amount_txn) as amount_txn,
        max(rate_functional) as rate_functional, max(rate_group) as rate_group
    from invoice where is_approved and posting_date <= date '${as_of}' group by invoice_no
), expected as (
    select approved.*, coalesce(day.fiscal_period_id, 'UNMAPPED') as fiscal_period_id
    from approved
    left join entity_day as day on day.legal_entity_id = approved.legal_entity_id and day.period_day = approved.posting_date
), by_journal as (
    select
        invoice_no, journal_no, fiscal_period_id, currency, sum(amount_txn) as amount_txn,
        sum(amount_functional) as amount_functional, sum(amount_group) as amount_group,
        min(legal_entity_id) as legal_entity_id, max(posting_date) as posting_date
    from distribution group by invoice_no, journal_no, fiscal_period_id, currency
), posted as (
    select
        invoice_no, sum(amount_txn) as posted_txn, sum(amount_functional) as posted_functional,
        sum(amount_group) as posted_group, min(currency) as posted_currency, max(currency) as last_currency,
        min(legal_entity_id) as posted_entity_id, max(posting_date) as posted_on, count(*) as parts
    from by_journal group by invoice_no
), repeated as (
    select invoice_no, sum(case net.amount_txn when expected.amount_txn then 1 when -expected.amount_txn then -1 else 0 end)
        as times_posted
    from (
        select invoice_no, journal_no, sum(by_journal.amount_txn) as amount_txn
        from by_journal join posted using (invoice_no) where posted.parts > 1 group by all
    ) as net
    join expected using (invoice_no) where expected.amount_txn <> 0 group by invoice_no
), elsewhere as (
    select invoice_no, sum(abs(amount_functional)) as other_period_functional, sum(abs(amount_group)) as other_period_group
    from (
        select invoice_no, by_journal.fiscal_period_id, sum(by_journal.amount_functional) as amount_functional,
            sum(by_journal.amount_group) as amount_group
        from by_journal join expected using (invoice_no) where by_journal.fiscal_period_id <> expected.fiscal_period_id
        group by all having sum(by_journal.amount_txn) <> 0
    )
    group by invoice_no
), coding as (
    select invoice_no, min(account_id) as other_account_id, min(cost_center_id) as other_cost_center_id,
        sum(abs(amount_functional)) as other_coding_functional, sum(abs(amount_group)) as other_coding_group
    from (
        select invoice_no, line_no, account_id, cost_center_id, sum(amount_functional) as amount_functional,
            sum(amount_group) as amount_group
        from distribution where is_coding group by invoice_no, line_no, account_id, cost_center_id having sum(amount_txn) <> 0
    ) as net
    where not exists (from invoice as line where line.is_approved and line.invoice_no = net.invoice_no
        and line.line_no = net.line_no and line.account_id = net.account_id and line.cost_center_id = net.cost_center_id)
    group by invoice_no
)
select
    coalesce(expected.invoice_no, posted.invoice_no) as invoice_no, expected.* exclude (invoice_no),
    posted.* exclude (invoice_no, last_currency),
    coalesce(expected.amount_txn - coalesce(posted_txn, 0), 0) as difference_txn,
    expected.invoice_no is not null as is_expected,
    posted.invoice_no is not null as has_lines,
    coalesce(posted_txn, 0) <> 0 or (posted.invoice_no is not null and expected.amount_txn = 0) as is_posted,
    coalesce(posted_currency <> expected.currency or last_currency <> expected.currency, false) as has_other_currency,
    coalesce(repeated.times_posted, 0) as times_posted,
    is_posted and not has_other_currency and coalesce(repeated.times_posted, 0) < 2 as has_amount,
    within(difference_txn::decimal(28,4) * coalesce(rate_functional, 1), 0, 0.01, 0::decimal(18,10)) as is_tolerable,
    elsewhere.* exclude (invoice_no), coding.* exclude (invoice_no)
from expected
full join posted on posted.invoice_no = expected.invoice_no
left join repeated on repeated.invoice_no = expected.invoice_no
left join elsewhere on elsewhere.invoice_no = expected.invoice_no
left join coding on coding.invoice_no = expected.invoice_no;

insert into passing
select
    'C09', legal_entity_id, fiscal_period_id, 'matched',
    -- posting, duplicate, amount, currency, period, coding
    count(*) filter (where is_posted) + count(*) filter (where is_posted and times_posted < 2)
    + count(*) filter (where has_amount and difference_txn = 0) + count(*) filter (where has_lines and not has_other_currency)
    + count(*) filter (where is_posted and other_period_functional is null)
    + count(*) filter (where is_posted and other_coding_functional is null)
from c09 where is_expected group by legal_entity_id, fiscal_period_id
union all
select 'C09', legal_entity_id, fiscal_period_id, 'within', count(*)
from c09 where is_expected and has_amount and difference_txn <> 0 and is_tolerable group by legal_entity_id, fiscal_period_id;

insert into failing by name
with failed as (
    select *, 'posting' as aspect, 'not_posted' as reason_code, null as right_amount, amount_txn as difference_amount
    from c09 where is_expected and not is_posted and date '${as_of}' - posting_date > 3
    union all by name
    select *, 'duplicate' as aspect, 'posted_twice' as reason_code, posted_txn as right_amount,
        difference_txn as difference_amount
    from c09 where is_expected and is_posted and times_posted >= 2
    union all by name
    select *, 'amount' as aspect, 'amount_differs' as reason_code, posted_txn as right_amount, difference_txn as difference_amount
    from c09 where is_expected and has_amount and difference_txn <> 0 and not is_tolerable
    union all by name
    select *, 'currency' as aspect, 'currency_differs' as reason_code, posted_txn as right_amount,
        amount_txn * rate_functional as at_risk_functional, amount_txn * rate_group as at_risk_group
    from c09 where is_expected and has_lines and has_other_currency
    union all by name
    select *, 'period' as aspect, 'period_differs' as reason_code, posted_txn as right_amount,
        other_period_functional as at_risk_functional, other_period_group as at_risk_group
    from c09 where is_expected and is_posted and other_period_functional is not null
    union all by name
    select *, 'coding' as aspect, 'coding_differs' as reason_code, posted_txn as right_amount, other_account_id as account_id,
        other_cost_center_id as cost_center_id, other_coding_functional as at_risk_functional,
        other_coding_group as at_risk_group
    from c09 where is_expected and is_posted and other_coding_functional is not null
), line_cell as (
    select invoice_no, account_id, cost_center_id, cell_of(line.legal_entity_id, line.cost_center_id, line.account_id, line.project_id, line.segment_1, line.segment_2) as cell_id
    from invoice as line where is_approved and invoice_no in (select invoice_no from failed)
), one_cell as (
    select invoice_no, case when min(cell_id) = max(cell_id) then min(cell_id) end as cell_id,
        case when min(account_id) = max(account_id) then min(account_id) end as account_id,
        case when min(cost_center_id) = max(cost_center_id) then min(cost_center_id) end as cost_center_id
    from line_cell group by invoice_no
)
select
    'C09' as control_id, failed.legal_entity_id, failed.fiscal_period_id, failed.reason_code, failed.aspect,
    'procurement|' || failed.invoice_no as business_key, 'procurement' as left_system,
    case when failed.has_lines then 'ledger' end as right_system, failed.amount_txn as left_amount, failed.right_amount,
    failed.difference_amount, failed.currency as currency_code,
    abs(coalesce(failed.at_risk_functional, cast(failed.difference_amount * failed.rate_functional as decimal(28,4))))
        as amount_functional,
    abs(coalesce(failed.at_risk_group, cast(failed.difference_amount * failed.rate_group as decimal(28,4)))) as amount_group,
    failed.supplier_id, coalesce(failed.account_id, one_cell.account_id) as account_id,
    coalesce(failed.cost_center_id, one_cell.cost_center_id) as cost_center_id, one_cell.cell_id,
    failed.invoice_date as document_date
from failed left join one_cell on one_cell.invoice_no = failed.invoice_no
union all by name
select
    'C09' as control_id, posted_entity_id as legal_entity_id, coalesce(day.fiscal_period_id, 'UNMAPPED') as fiscal_period_id,
    'posting_without_invoice' as reason_code, 'posting' as aspect, 'ledger|' || invoice_no as business_key,
    'ledger' as right_system, posted_txn as right_amount, -posted_txn as difference_amount, posted_currency as currency_code,
    abs(posted_functional) as amount_functional, abs(posted_group) as amount_group, posted_on as document_date
from c09
left join entity_day as day on day.legal_entity_id = c09.posted_entity_id and day.period_day = c09.posted_on
where not is_expected and posted_txn <> 0
    and not exists (from invoice as line where line.is_approved and line.invoice_no = c09.invoice_no);
