-- Grain: one row per finance row and batch. Budgets are positive for spending and for income, as the source writes them.
with

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
    'BUDGET' as version_code,
    'original' as version_kind,
    'approved' as version_status,
    fact.organization_key as entity_code,
    fact.account_key as account_code,
    fact.department_key as cost_center_code,
    fact.date as budget_date,
    currency.iso_code as currency_code,
    fact.amount as amount_txn,
    fact._batch_id,
    fact._batch_seq,
    fact._deleted
from {{ landed('finance', 'budget') }} as fact
left join organization on fact.organization_key = organization.organization_key
left join currency on organization.currency_key = currency.currency_key
