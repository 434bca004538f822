with results as (
    {%- for model in control_models() %}

    select control_id, legal_entity_id, fiscal_period_id, status, reason_code, row_count, amount_functional, amount_group
    from {{ ref(model) }}
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

summed as (

    select
        control_id,
        legal_entity_id,
        fiscal_period_id,
        sum(row_count) as rows_compared,
        sum(case when status = 'matched' then row_count else 0 end) as rows_matched,
        sum(case when status = 'within_tolerance' then row_count else 0 end) as rows_within_tolerance,
        sum(case when reason_code is not null then row_count else 0 end) as rows_failed,
        coalesce(sum(case when reason_code is not null then amount_functional end), 0) as amount_functional,
        coalesce(sum(case when reason_code is not null then amount_group end), 0) as amount_group
    from results
    group by control_id, legal_entity_id, fiscal_period_id

),

-- A control without any row is listed all the same: nothing to compare is not the same as nothing wrong.
placed as (

    select * from summed

    union all

    select
        control.control_id,
        'ALL' as legal_entity_id,
        'ALL' as fiscal_period_id,
        0 as rows_compared,
        0 as rows_matched,
        0 as rows_within_tolerance,
        0 as rows_failed,
        0 as amount_functional,
        0 as amount_group
    from {{ source('meta', 'control') }} as control
    where not exists (select 1 from summed where summed.control_id = control.control_id)

),

final as (

    select
        placed.*,
        control.name as control_name,
        control.area,
        control.owner,
        control.is_blocking,
        case
            when not applicability.is_applicable then 'not_applicable'
            when placed.rows_failed > 0 then 'failed'
            when placed.rows_compared = 0 then 'nothing_to_compare'
            else 'passed'
        end as status,
        applicability.reason,
        -- one entity has one currency; over all entities there is no functional one
        case when placed.legal_entity_id not in ('ALL', 'UNMAPPED') then entity.functional_currency end as currency_code,
        control.remedy
    from placed
    inner join {{ source('meta', 'control') }} as control on control.control_id = placed.control_id
    left join {{ source('meta', 'applicability') }} as applicability on applicability.control_id = placed.control_id
    left join {{ ref('dim_legal_entity') }} as entity on entity.legal_entity_id = placed.legal_entity_id

)

{{ cast_to_contract('final') }}
