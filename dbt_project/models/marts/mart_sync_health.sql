-- 1. what has landed per object over all batches, and its last batch
with batches as (

    select
        batches.*,
        row_number() over (partition by batches.system, batches.object order by batches.batch_seq desc) as recency
    from {{ source('meta', 'batch') }} as batches

),

landed as (

    select
        system,
        object,
        count(*) as batch_count,
        sum(rows_accepted) as rows_landed,
        sum(rows_deleted) as rows_deleted,
        max(data_as_of) as data_as_of
    from batches
    group by system, object

),

rejected as (

    select records.system, records.object, count(distinct coalesce(records.record_key, records.row_hash)) as rejected_open
    from {{ source('meta', 'rejected_record') }} as records
    where records.is_open
    group by records.system, records.object

),

late as (

    select business_key, min(reason_code) as reason_code
    from {{ ref('rec_c22') }}
    where reason_code is not null
    group by business_key

),

-- 2. against the target, as control C22 sees it. Only business days are shown, no wall clock: a rerun shows the same.
final as (

    select
        landed_object.system,
        landed_object.object,
        system.title as system_title,
        landed_object.title as object_title,
        landed_object.owner,
        landed_object.delta_mode,
        landed_object.latency_target_hours,
        checks.business_date as last_contact_on,
        last_batch.batch_id as last_batch_id,
        last_batch.business_date as last_batch_on,
        landed.data_as_of,
        coalesce(landed.batch_count, 0) as batch_count,
        coalesce(landed.rows_landed, 0) as rows_landed,
        coalesce(landed.rows_deleted, 0) as rows_deleted,
        coalesce(last_batch.rows_seen, 0) as last_rows_seen,
        coalesce(last_batch.rows_accepted, 0) as last_rows_accepted,
        coalesce(last_batch.rows_rejected, 0) as last_rows_rejected,
        coalesce(last_batch.rows_unchanged, 0) as last_rows_unchanged,
        coalesce(rejected.rejected_open, 0) as rejected_open,
        last_batch.new_columns,
        last_batch.contract_version,
        coalesce(late.reason_code, 'on_time') as freshness
    from {{ source('meta', 'object') }} as landed_object
    left join {{ source('meta', 'system') }} as system on system.system = landed_object.system
    left join {{ source('meta', 'check') }} as checks
        on checks.system = landed_object.system and checks.object = landed_object.object
    left join landed on landed.system = landed_object.system and landed.object = landed_object.object
    left join batches as last_batch
        on last_batch.system = landed_object.system and last_batch.object = landed_object.object and last_batch.recency = 1
    left join rejected on rejected.system = landed_object.system and rejected.object = landed_object.object
    left join late on late.business_key = landed_object.system || '|' || landed_object.object

)

{{ cast_to_contract('final') }}
