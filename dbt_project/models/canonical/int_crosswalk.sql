{{ config(materialized='ephemeral') }}

with mappings as (

    select
        system,
        kind,
        source_code,
        canonical_code,
        valid_from,
        coalesce(valid_to, date '9999-12-31') as valid_to
    from {{ source('reference', 'crosswalk') }}

),

-- 1. every day on which something begins or has just ended
boundaries as (

    select system, kind, source_code, valid_from as begins_on from mappings
    union
    select system, kind, source_code, valid_to + 1 as begins_on from mappings
    where valid_to < date '9999-12-31'

),

-- 2. the stretches between them: within one, the rows that hold do not change
stretches as (

    select
        system,
        kind,
        source_code,
        begins_on,
        coalesce(
            lead(begins_on) over (partition by system, kind, source_code order by begins_on) - 1, date '9999-12-31'
        ) as ends_on
    from boundaries

)

-- 3. how many rows hold in each
select
    stretches.system,
    stretches.kind,
    stretches.source_code,
    stretches.begins_on as valid_from,
    stretches.ends_on as valid_to,
    min(mappings.canonical_code) as canonical_code,
    count(*) as candidates
from stretches
inner join mappings
    on mappings.system = stretches.system
    and mappings.kind = stretches.kind
    and mappings.source_code = stretches.source_code
    and mappings.valid_from <= stretches.begins_on
    and mappings.valid_to >= stretches.ends_on
group by stretches.system, stretches.kind, stretches.source_code, stretches.begins_on, stretches.ends_on
