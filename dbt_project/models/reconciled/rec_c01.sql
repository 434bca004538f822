-- 1. contacts that are judged. Objects read by snapshot or in full: the last contact, since it saw everything. Objects read by
--    cursor: each batch, since each saw a window of its own.
with contacts as (

    select
        landed.system,
        landed.object,
        landed.system || '|' || landed.object as business_key,
        checks.rows_source,
        checks.rows_seen,
        cast(null as varchar) as batch_id
    from {{ source('meta', 'check') }} as checks
    inner join {{ source('meta', 'object') }} as landed
        on landed.system = checks.system and landed.object = checks.object
    where landed.delta_mode <> 'cursor'

    union all

    select
        landed.system,
        landed.object,
        landed.system || '|' || landed.object || '|' || batches.batch_id as business_key,
        batches.rows_source,
        batches.rows_seen,
        batches.batch_id
    from {{ source('meta', 'batch') }} as batches
    inner join {{ source('meta', 'object') }} as landed
        on landed.system = batches.system and landed.object = batches.object
    where landed.delta_mode = 'cursor'

),

totals as (

    select
        contacts.system,
        contacts.object,
        contacts.business_key,
        stated.field,
        stated.total_source,
        stated.total_seen
    from contacts
    inner join {{ source('meta', 'check_total') }} as stated
        on stated.system = contacts.system and stated.object = contacts.object and contacts.batch_id is null

    union all

    select
        contacts.system,
        contacts.object,
        contacts.business_key,
        stated.field,
        stated.total_source,
        stated.total_seen
    from contacts
    inner join {{ source('meta', 'batch_total') }} as stated
        on stated.system = contacts.system and stated.object = contacts.object and stated.batch_id = contacts.batch_id

),

-- 2. rows, control totals and rejected records; what the source does not state cannot be compared
differences as (

    select
        contacts.system,
        contacts.object,
        contacts.business_key,
        'rows' as aspect,
        case when (contacts.rows_source is distinct from contacts.rows_seen) then 'rows_differ' end as reason_code,
        cast(contacts.rows_source as varchar) as left_value,
        cast(contacts.rows_seen as varchar) as right_value,
        cast(null as numeric(38,4)) as left_amount,
        cast(null as numeric(38,4)) as right_amount,
        cast(contacts.rows_source - coalesce(contacts.rows_seen, 0) as numeric(28,4)) as quantity_difference,
        contacts.system || ' ' || contacts.object || ': the source states ' || {{ words('contacts.rows_source') }}
        || ' records, ' || {{ words('contacts.rows_seen') }} || ' landed.' as message
    from contacts
    where contacts.rows_source is not null

    union all

    select
        totals.system,
        totals.object,
        totals.business_key,
        'total:' || totals.field as aspect,
        case when (totals.total_source is distinct from totals.total_seen) then 'total_differs' end as reason_code,
        cast(totals.total_source as varchar) as left_value,
        cast(totals.total_seen as varchar) as right_value,
        totals.total_source as left_amount,
        coalesce(totals.total_seen, 0) as right_amount,
        null as quantity_difference,
        totals.system || ' ' || totals.object || ': the source states ' || {{ words('totals.total_source') }}
        || ' as the sum of ' || totals.field || ', ' || {{ words('totals.total_seen') }} || ' landed.' as message
    from totals
    where totals.total_source is not null

    union all

    select
        rejected.system,
        rejected.object,
        rejected.system || '|' || rejected.object || '|' || coalesce(rejected.record_key, rejected.row_hash) as business_key,
        coalesce(rejected.field, 'record') as aspect,
        'rejected_record' as reason_code,
        rejected.value as left_value,
        rejected.reject_reason as right_value,
        null as left_amount,
        null as right_amount,
        null as quantity_difference,
        rejected.system || ' ' || rejected.object || ', record ' || coalesce(rejected.record_key, '(no key)') || ': '
        || coalesce(rejected.message, rejected.reject_reason) || '.' as message
    from (
        select
            records.*,
            row_number() over (
                partition by
                    records.system, records.object, coalesce(records.record_key, records.row_hash),
                    coalesce(records.field, 'record')
                order by records.batch_seq desc, records.row_hash, records.reject_reason
            ) as precedence
        from {{ source('meta', 'rejected_record') }} as records
        where records.is_open
    ) as rejected
    where rejected.precedence = 1

),

compared as (

    select
        'ALL' as legal_entity_id,
        'ALL' as fiscal_period_id,
        reason_code,
        reason_code is null as is_equal,
        aspect,
        business_key,
        system as left_system,
        'landing' as right_system,
        left_value,
        right_value,
        left_amount,
        right_amount,
        left_amount - right_amount as difference_amount,
        cast(null as varchar) as currency_code,
        cast(null as numeric(28,4)) as amount_functional,
        cast(null as numeric(28,4)) as amount_group,
        quantity_difference,
        cast(null as varchar) as supplier_id,
        cast(null as varchar) as account_id,
        cast(null as varchar) as cost_center_id,
        cast(null as varchar) as cell_id,
        cast(null as date) as document_date,
        message
    from differences

),

final as (

    {{ control_result('C01') }}

)

{{ cast_to_contract('final') }}
