with ordered as (

    select
        rate_type,
        from_currency,
        to_currency,
        rate_date,
        rate,
        lead(rate_date) over (partition by rate_type, from_currency, to_currency order by rate_date) as next_rate_date
    from {{ source('reference', 'rates') }}

),

-- A rate holds until the next one, for 45 days at most: older ones are stale, and C19 says that there is none.
final as (

    select
        ordered.rate_type,
        ordered.from_currency,
        ordered.to_currency,
        {{ add_days('ordered.rate_date', 'days.n') }} as rate_day,
        ordered.rate,
        case when ordered.rate = cast(ordered.rate as numeric(18,6)) then cast(ordered.rate as numeric(18,6)) end
            as short_rate,
        ordered.rate_date
    from ordered
    cross join generate_series(0, 45) as days (n)
    where ordered.next_rate_date is null or {{ add_days('ordered.rate_date', 'days.n') }} < ordered.next_rate_date

)

{{ cast_to_contract('final') }}
