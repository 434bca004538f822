with systems as (

    select system, kind, mode
    from {{ source('meta', 'system_mapping') }}

),

-- 1. members that a code may come to
members as (

    select 'legal_entity' as kind, legal_entity_id as member_id, functional_currency, calendar_id
    from {{ ref('dim_legal_entity') }}
    where legal_entity_id not in ('UNMAPPED', 'ALL')
    {%- for kind in ['account', 'cost_center', 'project', 'supplier'] %}

    union all

    select '{{ kind }}' as kind, {{ kind }}_id as member_id, null as functional_currency, null as calendar_id
    from {{ ref('dim_' ~ kind) }}
    where {{ kind }}_id not in ('UNMAPPED', 'NONE')
    {%- endfor %}

),

-- 2. systems that use canonical codes: each member is its own code, always. A supplier that the crosswalk takes for another
--    one is that other one on those days.
taken_for_another as (

    select
        crosswalk.system,
        crosswalk.source_code,
        crosswalk.valid_from,
        crosswalk.valid_to,
        lag(crosswalk.valid_to) over (
            partition by crosswalk.system, crosswalk.source_code order by crosswalk.valid_from
        ) as before_that,
        row_number() over (
            partition by crosswalk.system, crosswalk.source_code order by crosswalk.valid_from desc
        ) as from_the_last
    from {{ ref('int_crosswalk') }} as crosswalk
    inner join systems on systems.system = crosswalk.system and systems.kind = crosswalk.kind
    where systems.kind = 'supplier' and systems.mode = 'identity'

),

days_of_its_own as (

    select
        system,
        source_code,
        coalesce(before_that + 1, date '0001-01-01') as valid_from,
        valid_from - 1 as valid_to
    from taken_for_another
    where valid_from > coalesce(before_that + 1, date '0001-01-01')

    union all

    select system, source_code, valid_to + 1 as valid_from, date '9999-12-31' as valid_to
    from taken_for_another
    where from_the_last = 1 and valid_to < date '9999-12-31'

),

identity_codes as (

    select
        systems.system,
        systems.kind,
        members.member_id as source_code,
        date '0001-01-01' as valid_from,
        date '9999-12-31' as valid_to,
        members.member_id as canonical_id,
        false as is_ambiguous,
        1 as candidates,
        members.functional_currency,
        members.calendar_id
    from systems
    inner join members on members.kind = systems.kind
    where systems.mode = 'identity'
        and not exists (
            select 1 from taken_for_another as taken
            where systems.kind = 'supplier' and taken.system = systems.system and taken.source_code = members.member_id
        )

    union all

    select
        own.system,
        'supplier' as kind,
        own.source_code,
        own.valid_from,
        own.valid_to,
        own.source_code as canonical_id,
        false as is_ambiguous,
        1 as candidates,
        null as functional_currency,
        null as calendar_id
    from days_of_its_own as own
    inner join members on members.kind = 'supplier' and members.member_id = own.source_code

),

-- 3. systems with codes of their own: through the dated crosswalk. More than one row on a day decides nothing, and a
--    target that the dimension does not know is none. (A dimension that nobody supplies cannot object.)
mapped_codes as (

    select
        systems.system,
        systems.kind,
        crosswalk.source_code,
        crosswalk.valid_from,
        crosswalk.valid_to,
        case
            when crosswalk.candidates > 1 then 'UNMAPPED'
            when members.member_id is not null then members.member_id
            {%- for kind in ['account', 'cost_center', 'project', 'supplier'] if not is_fed(kind) %}
            when systems.kind = '{{ kind }}' then crosswalk.canonical_code
            {%- endfor %}
            else 'UNMAPPED'
        end as canonical_id,
        crosswalk.candidates > 1 as is_ambiguous,
        crosswalk.candidates,
        case when crosswalk.candidates = 1 then members.functional_currency end as functional_currency,
        case when crosswalk.candidates = 1 then members.calendar_id end as calendar_id
    from systems
    inner join {{ ref('int_crosswalk') }} as crosswalk
        on crosswalk.system = systems.system and crosswalk.kind = systems.kind
    left join members
        on members.kind = crosswalk.kind and members.member_id = crosswalk.canonical_code
    where systems.mode = 'mapped' or systems.kind = 'supplier'

),

final as (

    select * from identity_codes
    union all
    select * from mapped_codes

)

{{ cast_to_contract('final') }}
