-- 1. per object: when its source was last reached (business date of the run) and how new its newest record is. Objects without a
--    change time cannot say the latter. Wall clocks are not looked at: a rerun must say the same.
with contacts as (

    select
        landed.system,
        landed.object,
        landed.latency_target_hours,
        checks.business_date as contact_on,
        case when landed.delta_mode = 'cursor' then newest.data_as_of end as data_as_of,
        coalesce(newest.rows_accepted, 0) as rows_accepted
    from {{ source('meta', 'object') }} as landed
    left join {{ source('meta', 'check') }} as checks
        on checks.system = landed.system and checks.object = landed.object
    left join (
        select
            batches.system,
            batches.object,
            max(batches.data_as_of) as data_as_of,
            sum(batches.rows_accepted) as rows_accepted
        from {{ source('meta', 'batch') }} as batches
        group by batches.system, batches.object
    ) as newest
        on newest.system = landed.system and newest.object = landed.object

),

-- 2. age at the end of the business day, in hours
aged as (

    select
        contacts.*,
        cast({{ add_days(as_of(), 1) }} as timestamp) as day_end,
        greatest(({{ as_of() }} - contacts.contact_on) * 24, 0) as contact_age_hours
    from contacts

),

judged as (

    select
        aged.*,
        case
            when aged.rows_accepted = 0 then 'never_landed'
            when aged.contact_on is null then 'late'
            when aged.contact_age_hours > aged.latency_target_hours then 'late'
            when aged.data_as_of + cast(aged.latency_target_hours * 3600 as integer) * interval '1 second' < aged.day_end
                then 'late'
        end as reason_code
    from aged

),

compared as (

    select
        'ALL' as legal_entity_id,
        'ALL' as fiscal_period_id,
        reason_code,
        true as is_equal,
        'freshness' as aspect,
        system || '|' || object as business_key,
        system as left_system,
        'landing' as right_system,
        cast(latency_target_hours as varchar) || ' hours' as left_value,
        coalesce(cast(data_as_of as varchar), cast(contact_on as varchar)) as right_value,
        cast(null as numeric(28,4)) as left_amount,
        cast(null as numeric(28,4)) as right_amount,
        cast(null as numeric(28,4)) as difference_amount,
        cast(null as varchar) as currency_code,
        cast(null as numeric(28,4)) as amount_functional,
        cast(null as numeric(28,4)) as amount_group,
        cast(null as numeric(28,4)) as quantity_difference,
        cast(null as varchar) as supplier_id,
        cast(null as varchar) as account_id,
        cast(null as varchar) as cost_center_id,
        cast(null as varchar) as cell_id,
        contact_on as document_date,
        case
            when reason_code = 'never_landed' then system || ' ' || object || ': no record has landed yet.'
            when reason_code = 'late' then
                system || ' ' || object || ': last reached on ' || {{ words('contact_on', 'no day') }}
                || coalesce(', newest record of ' || cast(data_as_of as varchar) || ' UTC', '')
                || '; the target is ' || cast(latency_target_hours as varchar) || ' hours.'
        end as message
    from judged

),

final as (

    {{ control_result('C22') }}

)

{{ cast_to_contract('final') }}
