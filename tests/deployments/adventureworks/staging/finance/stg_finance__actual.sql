-- Grain: one row per finance row and batch. The source writes each type of account with its usual side positive; here
-- debit is positive, so liabilities and revenue turn their sign.
with

account as (
    select account_key, account_type
    from (
        select
            a.account_key,
            a.account_type,
            row_number() over (partition by a.account_key order by a._batch_seq desc) as _age
        from {{ landed('finance', 'account') }} as a
    ) as versions
    where _age = 1
),

organization as (
    select organization_key, currency_key
    from (
        select
            o.organization_key,
            o.currency_key,
            row_number() over (partition by o.organization_key order by o._batch_seq desc) as _age
        from {{ landed('finance', 'organization') }} as o
    ) as versions
    where _age = 1
),

currency as (
    select currency_key, iso_code
    from (
        select
            c.currency_key,
            c.iso_code,
            row_number() over (partition by c.currency_key order by c._batch_seq desc) as _age
        from {{ landed('finance', 'currency') }} as c
    ) as versions
    where _age = 1
)

select
    fact.finance_key as source_key,
    fact.organization_key as entity_code,
    fact.account_key as account_code,
    fact.department_key as cost_center_code,
    fact.date as balance_date,
    currency.iso_code as currency_code,
    case when account.account_type in ('Liabilities', 'Revenue') then -fact.amount else fact.amount end as amount_functional,
    fact._batch_id,
    fact._batch_seq,
    fact._deleted
from {{ landed('finance', 'actual') }} as fact
left join account on fact.account_key = account.account_key
left join organization on fact.organization_key = organization.organization_key
left join currency on organization.currency_key = currency.currency_key
