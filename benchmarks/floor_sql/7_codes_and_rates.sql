-- ---- C18 master data
create temp table member as
select 'legal_entity' as kind, legal_entity_id as id, false as is_blocked, null::date as valid_from, null::date as valid_to from entity
union all select 'account', account_id, is_blocked, null, null from account where account_id not in ('UNMAPPED', 'NONE')
union all select 'cost_center', cost_center_id, is_blocked, null, null from cost_center
union all select 'project', project_id, false, valid_from, valid_to from project
union all select 'supplier', supplier_id, is_blocked, null, null from supplier where supplier_id not in ('UNMAPPED', 'NONE');

create temp table code_use as
with used as (
    select 'procurement' as system, unnest(suspects, recursive := true), legal_entity_id, fiscal_period_id,
        order_date as dated_on, abs(amount_group) as amount, true as is_posted
    from orders where suspects is not null and line_status not in ('draft', 'rejected', 'cancelled')
    union all
    select 'procurement', unnest(suspects, recursive := true), legal_entity_id, fiscal_period_id, requested_on,
        abs(amount_group), true
    from requisition where suspects is not null and line_status not in ('draft', 'rejected', 'cancelled')
    union all
    select 'procurement', unnest(suspects, recursive := true), legal_entity_id, fiscal_period_id, posting_date, null, true
    from receipt where suspects is not null
    union all
    select 'procurement', unnest(suspects, recursive := true), legal_entity_id, fiscal_period_id, posting_date,
        abs(amount_group), true
    from invoice where suspects is not null
    union all
    select 'planning', unnest([{'kind': 'legal_entity', 'code': entity}, {'kind': 'account', 'code': account},
        {'kind': 'cost_center', 'code': cost_center}, {'kind': 'project', 'code': project}], recursive := true),
        legal_entity_id, fiscal_period_id, starts_on, abs(amount_group), false
    from budget where version_status not in ('draft', 'rejected')
    union all
    select 'ledger', unnest([{'kind': 'legal_entity', 'code': company}, {'kind': 'account', 'code': account},
        {'kind': 'cost_center', 'code': cost_center}], recursive := true),
        legal_entity_id, fiscal_period_id, period_end, null, true
    from balance
    union all
    select 'ledger', 'supplier', supplier, legal_entity_id, fiscal_period_id, posting_date, abs(amount_group), true
    from posting where supplier not in (select supplier_id from supplier where not is_blocked)
), resolved as (
    select
        used.*, coalesce(mapped.is_ambiguous, false) as is_ambiguous,
        case when used.system = 'procurement' and used.kind in ('legal_entity', 'account', 'supplier')
            then mapped.id else used.code end as target
    from used
    left join code as mapped on used.system = 'procurement' and mapped.kind = used.kind and mapped.source_code = used.code
        and used.dated_on between mapped.valid_from and mapped.valid_to
    where used.code is not null
)
select
    resolved.system, resolved.kind, resolved.code, coalesce(member.id, 'UNMAPPED') as id,
    case when member.id is null then case when is_ambiguous then 'ambiguous' else 'unmapped' end end as unknown,
    coalesce(member.is_blocked and is_posted and closed_period.fiscal_period_id is null, false) as is_blocked,
    coalesce(is_posted and (dated_on < member.valid_from or dated_on > member.valid_to), false) as is_expired,
    amount, dated_on as first_on
from resolved
left join member on member.kind = resolved.kind and member.id = resolved.target
left join closed_period on closed_period.legal_entity_id = resolved.legal_entity_id
    and closed_period.fiscal_period_id = resolved.fiscal_period_id
union all by name
-- journal lines were summed by their other codes already
select
    'ledger' as system, used.kind, used.code, coalesce(member.id, 'UNMAPPED') as id,
    case when member.id is null then 'unmapped' end as unknown,
    coalesce(member.is_blocked and closed_period.fiscal_period_id is null, false) as is_blocked,
    used.kind = 'project' and used.is_expired as is_expired, used.amount_in_use as amount, used.first_on
from (
    select *, unnest([{'kind': 'legal_entity', 'code': company}, {'kind': 'account', 'code': account},
        {'kind': 'cost_center', 'code': cost_center}, {'kind': 'project', 'code': project}], recursive := true)
    from posted
) as used
left join member on member.kind = used.kind and member.id = used.code
left join closed_period on closed_period.legal_entity_id = used.legal_entity_id
    and closed_period.fiscal_period_id = used.fiscal_period_id
where used.code is not null;

insert into failing by name
with fault as (
    select *, unknown as aspect from code_use where unknown is not null
    union all select *, 'blocked' from code_use where is_blocked
    union all select *, 'expired' from code_use where is_expired
)
select
    'C18' as control_id, 'ALL' as legal_entity_id, 'ALL' as fiscal_period_id, aspect || '_code' as reason_code, aspect,
    kind || '|' || system || '|' || code as business_key, system as left_system, 'finance_sync' as right_system,
    sum(amount) as amount_group, case when kind = 'supplier' then min(id) end as supplier_id,
    case when kind = 'account' then min(id) end as account_id,
    case when kind = 'cost_center' then min(id) end as cost_center_id, min(first_on) as document_date
from fault group by aspect, kind, system, code
union all by name
select
    'C18' as control_id, legal_entity_id, 'UNMAPPED' as fiscal_period_id, 'date_outside_calendar' as reason_code,
    'calendar' as aspect, object || '|' || record_key as business_key, split_part(record_key, '|', 1) as left_system,
    'finance_sync' as right_system, abs(amount_group) as amount_group, dated_on as document_date
from (
    select 'purchase_order_line' as object, record_key, legal_entity_id, order_date as dated_on, amount_group
    from orders where fiscal_period_id = 'UNMAPPED' and line_status not in ('draft', 'rejected', 'cancelled')
    union all
    select 'requisition_line', 'procurement|' || requisition_no || '|' || line_no, legal_entity_id, requested_on, amount_group
    from requisition where fiscal_period_id = 'UNMAPPED' and line_status not in ('draft', 'rejected', 'cancelled')
    union all
    select 'receipt_line', 'procurement|' || document_key, legal_entity_id, posting_date, null
    from receipt where fiscal_period_id = 'UNMAPPED'
    union all
    select 'invoice_line', 'procurement|' || invoice_no || '|' || line_no, legal_entity_id, posting_date, amount_group
    from invoice where fiscal_period_id = 'UNMAPPED'
    union all
    select 'journal_line', 'ledger|' || journal_no || '|' || line, legal_entity_id, posting_date, amount_group
    from posting where fiscal_period_id = 'UNMAPPED' and exists (from posted where posted.fiscal_period_id = 'UNMAPPED')
    union all
    select 'ledger_balance', 'ledger|' || balance_id, legal_entity_id, period_end, null
    from balance where fiscal_period_id = 'UNMAPPED'
    union all
    select 'budget_line', 'planning|' || line_id, legal_entity_id, null, amount_group
    from budget where fiscal_period_id = 'UNMAPPED' and version_status not in ('draft', 'rejected')
)
where legal_entity_id <> 'UNMAPPED';

-- suppliers as such: whom a code is taken for today, and the keys under which they are compared (this company's spellings)
create temp table party as
with record as (
    select 'ledger' as system, vendor as code, vendor as id, name, tax_id, bank_account, country, blocked = 'Y' as is_blocked
    from '${source}/ledger/suppliers/*.parquet'
    union all
    select 'procurement', own.supplier, nullif(code.id, 'UNMAPPED'), own.name, own.tax_number, own.iban, own.country, false
    from '${source}/procurement/suppliers/*.parquet' as own
    left join code on code.kind = 'supplier' and code.source_code = own.supplier
        and date '${as_of}' between code.valid_from and code.valid_to
)
select
    system, code, id, coalesce(id, system || '|' || code) as party, country,
    regexp_replace(trim(regexp_replace(lower(name), '[^a-z0-9]+', ' ', 'g')), '( (inc|llc|ltd|gmbh))+$$', '') as name_key,
    regexp_replace(tax_id, '[^A-Z0-9]', '', 'g') as tax_key, regexp_replace(bank_account, '[^A-Z0-9]', '', 'g') as bank_key
from record
where coalesce(id, '') not in (select code from record where is_blocked);

create temp table twins as
with evidence as (
    select 'tax' as kind, tax_key as shared, party from party
    union select 'bank', bank_key, party from party
    union select 'name', name_key, party from party
), telling as (
    select * from evidence where shared is not null qualify count(*) over (partition by kind, shared) between 2 and 20
)
select one.party as left_party, other.party as right_party, bool_or(one.kind = 'tax') as same_tax
from telling as one join telling as other on other.kind = one.kind and other.shared = one.shared and one.party < other.party
group by all
having same_tax or left_party not in (select party from party where tax_key is not null)
    or right_party not in (select party from party where tax_key is not null);

create temp table attribute as
select
    unnest([{'aspect': 'tax_id', 'is_equal': own.tax_key is not distinct from best.tax_key},
        {'aspect': 'bank_account', 'is_equal': own.bank_key is not distinct from best.bank_key},
        {'aspect': 'country', 'is_equal': own.country is not distinct from best.country}], recursive := true),
    own.code, best.party
from party as own join party as best on best.system = 'ledger' and best.code = own.id where own.system = 'procurement';

create temp table at_stake as
select case when supplier_id = 'UNMAPPED' then 'procurement|' || suspects[5].code else supplier_id end as party, sum(abs(amount_group)) as amount
from (
    select supplier_id, suspects, amount_group from orders where line_status in ('pending', 'approved', 'issued')
    union all
    select supplier_id, suspects, amount_group from invoice where posting_date > date '${as_of}' - 90
)
where party in (select left_party from twins union select right_party from twins union select party from attribute where not is_equal)
group by all;

insert into failing by name
select
    'C18' as control_id, 'ALL' as legal_entity_id, 'ALL' as fiscal_period_id, 'supplier_duplicate' as reason_code,
    'identity' as aspect, 'supplier|' || left_party || '|' || right_party as business_key,
    (select min(system) from party where party = left_party) as left_system,
    (select min(system) from party where party = right_party) as right_system,
    least(coalesce(l.amount, 0), coalesce(r.amount, 0)) as amount_group,
    (select min(id) from party where party in (left_party, right_party)) as supplier_id
from twins left join at_stake as l on l.party = left_party left join at_stake as r on r.party = right_party
union all by name
select
    'C18' as control_id, 'ALL' as legal_entity_id, 'ALL' as fiscal_period_id, 'attribute_differs' as reason_code, aspect,
    'supplier|procurement|' || code as business_key, 'procurement' as left_system, 'ledger' as right_system,
    coalesce(amount, 0) as amount_group, party as supplier_id
from attribute left join at_stake using (party) where not is_equal;

-- codes that mean something: members in systems of canonical codes, and mapped ones
insert into passing
select 'C18', 'ALL', 'ALL', 'matched', (select 2 * count(*) from member)
    + (select count(*) from member where kind in ('cost_center', 'project'))
    + (select count(distinct (kind, source_code)) from code where not is_ambiguous)
    + (select count(distinct party) from party where party not in (select left_party from twins union select right_party from twins))
    + (select count(*) from attribute where is_equal);

-- ---- C19 rates
create temp table rate_need as
with document as (
    select legal_entity_id, fiscal_period_id, currency, functional_currency, 'spot' as rate_type, amount_txn, amount_functional,
        amount_group, rate_functional, rate_group
    from orders where line_status not in ('draft', 'rejected', 'cancelled')
    union all
    select legal_entity_id, fiscal_period_id, currency, functional_currency, 'spot', amount_txn, amount_functional, amount_group,
        rate_functional, rate_group
    from requisition where line_status not in ('draft', 'rejected', 'cancelled')
    union all
    select legal_entity_id, fiscal_period_id, currency, functional_currency, 'spot', amount_txn, amount_functional, amount_group,
        rate_functional, rate_group
    from invoice
    union all
    select legal_entity_id, fiscal_period_id, currency, functional_currency, 'plan', amount_txn, amount_functional, amount_group,
        rate_functional, rate_group
    from budget where version_status not in ('draft', 'rejected')
)
select
    legal_entity_id, fiscal_period_id, rate_type, currency as from_currency, functional_currency as to_currency,
    count(*) - count(rate_functional) as missing_count, sum(abs(amount_txn)) filter (where rate_functional is null) as missing_txn,
    sum(abs(amount_functional)) filter (where rate_functional is null) as missing_functional,
    sum(abs(amount_group)) filter (where rate_functional is null) as missing_group
from document where currency <> functional_currency and functional_currency <> '${group}' group by all
union all
select
    legal_entity_id, fiscal_period_id, rate_type, currency, '${group}', count(*) - count(rate_group),
    sum(abs(amount_txn)) filter (where rate_group is null), sum(abs(amount_functional)) filter (where rate_group is null), null
from document where currency <> '${group}' and legal_entity_id <> 'UNMAPPED' group by all
union all
select
    legal_entity_id, fiscal_period_id, 'spot', functional_currency, '${group}', sum(missing_count), sum(missing_functional),
    sum(missing_functional), null
from posted where functional_currency <> '${group}' group by all
union all
select
    legal_entity_id, fiscal_period_id, 'spot', functional_currency, '${group}', count(*) - count(amount_group),
    sum(abs(amount_functional)) filter (where amount_group is null),
    sum(abs(amount_functional)) filter (where amount_group is null), null
from balance where functional_currency <> '${group}' group by all;

create temp table c19 as
select legal_entity_id, fiscal_period_id, rate_type, from_currency, to_currency, sum(missing_count) as missing_count,
    sum(missing_txn) as missing_txn, sum(missing_functional) as missing_functional, sum(missing_group) as missing_group
from rate_need group by all;

insert into passing
select 'C19', legal_entity_id, fiscal_period_id, 'matched', count(*) from c19 where missing_count = 0 group by all;

insert into failing by name
select
    'C19' as control_id, legal_entity_id, fiscal_period_id, 'missing_rate' as reason_code, 'rate' as aspect,
    concat_ws('|', rate_type, from_currency, to_currency, fiscal_period_id) as business_key, 'reference' as right_system,
    missing_txn as left_amount, from_currency as currency_code, missing_functional as amount_functional,
    missing_group as amount_group
from c19 where missing_count > 0;
