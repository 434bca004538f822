with entities as (

    select legal_entity_id, functional_currency, calendar_id
    from {{ ref('dim_legal_entity') }}
    where legal_entity_id not in ('UNMAPPED', 'ALL')

),

-- 1. the days of normal periods. Closing periods share their days with a normal one and are named by the ledger.
period_days as (

    select
        periods.calendar_id,
        {{ add_days('periods.starts_on', 'days.n') }} as period_day,
        -- overlapping periods decide nothing
        case when count(*) = 1 then min(periods.fiscal_period_id) else 'UNMAPPED' end as fiscal_period_id,
        case when count(*) = 1 then min(periods.fiscal_year) end as fiscal_year
    from {{ ref('dim_fiscal_period') }} as periods
    cross join generate_series(0, 400) as days (n)
    where periods.kind = 'normal' and {{ add_days('periods.starts_on', 'days.n') }} <= periods.ends_on
    group by periods.calendar_id, {{ add_days('periods.starts_on', 'days.n') }}

),

-- 2. days with a rate from the entity's to the group's currency
rate_days as (

    select from_currency, rate_day, rate, short_rate, rate_date
    from {{ ref('dim_exchange_rate') }}
    where rate_type = 'spot' and to_currency = '{{ var("group_currency") }}'

),

all_days as (

    select entities.legal_entity_id, period_days.period_day
    from entities
    inner join period_days on period_days.calendar_id = entities.calendar_id

    union

    select entities.legal_entity_id, rate_days.rate_day as period_day
    from entities
    inner join rate_days on rate_days.from_currency = entities.functional_currency

),

final as (

    select
        all_days.legal_entity_id,
        all_days.period_day,
        coalesce(period_days.fiscal_period_id, 'UNMAPPED') as fiscal_period_id,
        period_days.fiscal_year,
        case
            when entities.functional_currency = '{{ var("group_currency") }}' then 1 else rate_days.rate
        end as rate_group,
        case
            when entities.functional_currency = '{{ var("group_currency") }}' then 1 else rate_days.short_rate
        end as short_rate_group,
        case
            when entities.functional_currency = '{{ var("group_currency") }}' then all_days.period_day
            else rate_days.rate_date
        end as rate_date
    from all_days
    inner join entities on entities.legal_entity_id = all_days.legal_entity_id
    left join period_days
        on period_days.calendar_id = entities.calendar_id and period_days.period_day = all_days.period_day
    left join rate_days
        on rate_days.from_currency = entities.functional_currency and rate_days.rate_day = all_days.period_day

)

{{ cast_to_contract('final') }}
