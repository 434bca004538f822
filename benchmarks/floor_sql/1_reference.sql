-- ---- arithmetic
-- What fits into 64 bits is computed there, several times faster than in 128; the results are the same.
create temp macro times(amount, factor) as case
    when abs(amount) < 100000 and factor < 900 then cast(cast(amount as decimal(18,4)) * factor as decimal(18,4))
    when abs(amount) < 10000 and factor < 9000 then cast(cast(amount as decimal(18,4)) * factor as decimal(18,4))
    else cast(round(cast(amount as decimal(28,4)) * factor, 4) as decimal(18,4)) end;
create temp macro power_of_ten(n) as case n when 0 then 1 when 1 then 10 when 2 then 100 when 3 then 1000 else 10000 end;
create temp macro small(amount) as cast(cast(amount as decimal(18,4)) * 10000 as bigint);
create temp macro large(amount) as cast(cast(amount as decimal(38,4)) * 10000 as hugeint);
-- amount x part / whole to `digits` decimals: n of 10^8, d of 10^4, one division of integers
create temp macro quotient(n, d, digits) as
    case when (n < 0) <> (d < 0) then -1 else 1 end
    * ((2 * abs(n) + abs(d) * power_of_ten(4 - digits)) // nullif(2 * abs(d) * power_of_ten(4 - digits), 0));
create temp macro pro_rata(amount, part, whole, digits) as cast(
    case when abs(amount) < 1000000 and abs(part) < 10000 and abs(whole) < 1000000
        then cast(quotient(small(amount) * small(part), small(whole), digits) as decimal(18,0))
        else cast(quotient(large(amount) * large(part), large(whole), digits) as decimal(28,0)) end
    * case digits when 0 then 1.0000 when 1 then 0.1000 when 2 then 0.0100 when 3 then 0.0010 else 0.0001 end
    as decimal(18,4));
create temp macro left_of(amount, done, whole, digits) as
    case when whole = 0 or done = 0 then amount when done = whole then 0.0000::decimal(18,4)
    else amount - pro_rata(amount, done, whole, digits) end;
create temp macro clamp(came, whole) as cast(
    case when whole >= 0 then least(greatest(came, 0), whole) else greatest(least(came, 0), whole) end as decimal(18,4));
create temp macro has_decimals(amount, minor_units) as
    coalesce(amount % cast(0.0001 * power_of_ten(4 - minor_units) as decimal(5,4)) <> 0, false);
create temp macro at_price(quantity, price, net, ordered) as
    case when price is not null then times(quantity, price)
    else pro_rata(net, quantity, ordered, 4) end;
create temp macro cell(entity, cost_center, account, project, segment_1, segment_2) as
    md5(concat_ws('|', entity, cost_center, account, project, segment_1, segment_2, 'NONE', 'NONE', 'NONE', 'NONE'));
-- the difference unrounded, the percentage of the rounded base
create temp macro within(difference, base, absolute_amount, percentage) as coalesce(abs(difference) <= greatest(
    cast(absolute_amount as decimal(38,14)), cast(abs(base) as decimal(28,4)) * percentage), false);

-- ---- reference and masters
create temp macro reference(name) as table from read_csv('${reference}/' || name || '.csv', header = true, all_varchar = true);

create temp table entity as select legal_entity_id, functional_currency, calendar_id from reference('entities');

create temp table currency as
select currency_code, minor_units::int as minor_units
from read_csv('${currencies}', header = true, all_varchar = true);

create temp table period as
select
    calendar_id || ':' || fiscal_year || '-P' || lpad(period_no, 2, '0') as fiscal_period_id,
    calendar_id,
    fiscal_year::bigint as fiscal_year,
    period_no::bigint as period_no,
    starts_on::date as starts_on,
    ends_on::date as ends_on,
    kind,
    row_number() over (partition by calendar_id order by fiscal_year::int, period_no::int) as ordinal
from reference('calendars')
union all
select 'UNMAPPED', 'UNMAPPED', null, null, null, null, 'unmapped', 0;

create temp table closed_period as
select status.legal_entity_id, period.fiscal_period_id
from reference('period_status') as status
join entity using (legal_entity_id)
join period
    on period.calendar_id = entity.calendar_id and period.fiscal_year = status.fiscal_year::bigint
    and period.period_no = status.period_no::bigint
where status.status not in ('open', 'future');

-- the nearest rate on or before a day, for 45 days at most; this company's rates have six decimals
create temp table rate as
select rate_type, from_currency, to_currency, rate_date + days.n::int as rate_day, rate
from (
    select
        rate_type, from_currency, to_currency, rate_date::date as rate_date, rate::decimal(18,6) as rate,
        lead(rate_date::date) over (partition by rate_type, from_currency, to_currency order by rate_date) as next_date
    from reference('rates')
), range(46) as days (n)
where next_date is null or rate_date + days.n::int < next_date;

create temp table entity_day as
select
    entity.legal_entity_id,
    day.day::date as period_day,
    coalesce(period.fiscal_period_id, 'UNMAPPED') as fiscal_period_id,
    period.fiscal_year,
    case when entity.functional_currency = '${group}' then 1 else rate.rate end as rate_group
from entity
cross join (select unnest(generate_series(least((select min(rate_day) from rate), min(starts_on)),
    greatest((select max(rate_day) from rate), max(ends_on)), interval 1 day)) as day from period) as day
left join period
    on period.calendar_id = entity.calendar_id and period.kind = 'normal'
    and day.day between period.starts_on and period.ends_on
left join rate
    on rate.rate_type = 'spot' and rate.from_currency = entity.functional_currency and rate.to_currency = '${group}'
    and rate.rate_day = day.day;

create temp table account as
select
    account as account_id, name as account_name,
    case type when 'A' then 'asset' when 'L' then 'liability' when 'Q' then 'equity' when 'R' then 'revenue' else 'expense' end
        as account_type,
    budget_control = 'Y' as is_budget_controlled, blocked = 'Y' as is_blocked
from '${source}/ledger/accounts/*.parquet'
union all
values ('UNMAPPED', 'Code without counterpart', 'unmapped', false, false), ('NONE', 'No code given', 'none', false, false);

create temp table cost_center as
select cost_center as cost_center_id, blocked = 'Y' as is_blocked from '${source}/ledger/cost_centers/*.parquet';

create temp table project as
select project as project_id, valid_from, valid_to from '${source}/ledger/projects/*.parquet';

create temp table supplier as
select vendor as supplier_id, name as supplier_name, blocked = 'Y' as is_blocked
from '${source}/ledger/suppliers/*.parquet'
union all
values ('UNMAPPED', 'Code without counterpart', false), ('NONE', 'No code given', false);

create temp table level as select kind, code, control_code from reference('control_levels');

-- procurement's codes by day; two crosswalk rows on a day decide nothing
create temp table code as
with mapping as (
    select kind, source_code, canonical_code, valid_from::date as valid_from,
        coalesce(valid_to::date, date '9999-12-31') as valid_to
    from reference('crosswalk') where system = 'procurement'
), edge as (
    select kind, source_code, valid_from as day from mapping
    union
    select kind, source_code, valid_to + 1 from mapping where valid_to < date '9999-12-31'
), stretch as (
    select *, coalesce(lead(day) over (partition by kind, source_code order by day) - 1, date '9999-12-31') as until from edge
), resolved as (
    select
        stretch.kind, stretch.source_code, stretch.day as valid_from, stretch.until as valid_to,
        count(*) > 1 as is_ambiguous, case when count(*) = 1 then min(mapping.canonical_code) end as target
    from stretch
    join mapping on mapping.kind = stretch.kind and mapping.source_code = stretch.source_code
        and mapping.valid_from <= stretch.day and mapping.valid_to >= stretch.until
    group by all
), member as (
    select 'legal_entity' as kind, legal_entity_id as id, false as is_blocked from entity
    union all select 'account', account_id, is_blocked from account
    union all select 'supplier', supplier_id, is_blocked from supplier
)
select resolved.* exclude (target), coalesce(member.id, 'UNMAPPED') as id, coalesce(member.is_blocked, false) as is_blocked
from resolved left join member on member.kind = resolved.kind and member.id = resolved.target;

create temp table policy as
select policy, legal_entity_id, line_type, value, valid_from::date as valid_from,
    coalesce(valid_to::date, date '9999-12-31') as valid_to
from reference('policies');

-- the controls' own tolerances, and the dated ones that are more specific; for this company: by aspect, then entity
create temp table tolerance as
select aspect, coalesce(legal_entity_id, '') as legal_entity_id, absolute_functional::decimal(18,4) as absolute_functional,
    percent::decimal(18,10) as percent, valid_from::date as valid_from, coalesce(valid_to::date, date '9999-12-31') as valid_to
from reference('tolerances') where control_id = 'C07';

-- id of a code; `suspects` of a record: its codes, where control C18 has to look at one (not known, blocked, expired)
create temp macro identity_id(code, found) as case when code is null then 'NONE' else coalesce(found, 'UNMAPPED') end;
