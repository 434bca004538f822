{{ config(materialized='incremental', incremental_strategy='scope_replace', unique_key=['commitment_kind', 'record_key'], on_schema_change='fail') }}

with events as (

    select *
    from {{ ref('fct_commitment_movement') }}
    where (movement_on <= {{ as_of() }} or reason = 'late')
    {%- if is_incremental() %}
        and (commitment_kind, record_key) in (
            select stored.commitment_kind, stored.record_key from {{ this }} as stored where {{ in_scope('stored') }}
            union
            select events.commitment_kind, events.record_key from {{ ref('fct_commitment_movement') }} as events where {{ in_scope('events') }}
        )
    {%- endif %}

),

summed as (

    select
        record_key,
        commitment_kind,
        min(legal_entity_id) as legal_entity_id,
        min(movement_on) as committed_on,
        max(movement_on) as last_event_on,
        sum(case when movement_type in ('reserve', 'obligate') then amount_txn else 0 end) as amount_committed_txn,
        sum(case when movement_type = 'adjust' then amount_txn else 0 end) as amount_adjusted_txn,
        sum(case when movement_type in ('relieve', 'reinstate') then -amount_txn else 0 end) as amount_relieved_txn,
        sum(case when movement_type = 'release' then -amount_txn else 0 end) as amount_released_txn,
        sum(amount_txn) as amount_open_txn,
        -- a sum with a missing rate in it is no sum
        case when count(amount_functional) = count(*) then sum(amount_functional) end as amount_open_functional,
        case when count(amount_group) = count(*) then sum(amount_group) end as amount_open_group
    from events
    group by record_key, commitment_kind

),

final as (

    select
        summed.*,
        coalesce(period.fiscal_period_id, 'UNMAPPED') as fiscal_period_id
    from summed
    left join {{ ref('int_entity_day') }} as period
        on period.legal_entity_id = summed.legal_entity_id and period.period_day = summed.last_event_on

)

{{ cast_to_contract('final') }}
