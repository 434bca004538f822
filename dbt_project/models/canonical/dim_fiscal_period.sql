with numbered as (

    select
        calendar_id || ':' || cast(fiscal_year as varchar)
        || '-P' || lpad(cast(period_no as varchar), 2, '0') as fiscal_period_id,
        calendar_id,
        fiscal_year,
        period_no,
        period_name,
        starts_on,
        ends_on,
        kind,
        row_number() over (partition by calendar_id order by fiscal_year, period_no) as ordinal
    from {{ source('reference', 'calendars') }}

),

final as (

    select
        fiscal_period_id,
        calendar_id,
        fiscal_year,
        period_no,
        period_name,
        starts_on,
        ends_on,
        kind,
        ordinal
    from numbered

    union all

    select 'UNMAPPED', 'UNMAPPED', null, null, 'Outside the calendar', null, null, 'unmapped', 0

    union all

    select 'ALL', 'ALL', null, null, 'All periods', null, null, 'all', 0

)

{{ cast_to_contract('final') }}
