with exceptions as (
    {%- for model in control_models() %}

    select
        control_id,
        legal_entity_id,
        fiscal_period_id,
        status,
        reason_code,
        aspect,
        business_key,
        left_system,
        right_system,
        left_value,
        right_value,
        left_amount,
        right_amount,
        difference_amount,
        currency_code,
        amount_functional,
        amount_group,
        quantity_difference,
        supplier_id,
        account_id,
        cost_center_id,
        cell_id,
        document_date,
        message
    from {{ ref(model) }}
    where reason_code is not null
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

-- Severities of a control, each from its amount up to the next
severities as (

    select
        control_id,
        amount_from,
        lead(amount_from) over (partition by control_id order by amount_from) as amount_below,
        severity,
        deadline_days
    from {{ source('meta', 'control_severity') }}

),

final as (

    select
        md5(
            exceptions.control_id || '|' || exceptions.legal_entity_id || '|' || exceptions.business_key
            || '|' || exceptions.aspect
        ) as exception_id,
        exceptions.*,
        control.name as control_name,
        control.area,
        control.owner,
        control.is_blocking,
        control.remedy,
        control.left_object,
        control.right_object,
        reason.text as reason_text,
        coalesce(left_system.title, control.left_system) as left_system_name,
        coalesce(right_system.title, control.right_system) as right_system_name,
        severities.severity,
        severities.deadline_days,
        case when exceptions.legal_entity_id not in ('ALL', 'UNMAPPED') then entity.functional_currency end
            as functional_currency
    from exceptions
    inner join {{ source('meta', 'control') }} as control on control.control_id = exceptions.control_id
    left join {{ source('meta', 'control_reason') }} as reason
        on reason.control_id = exceptions.control_id and reason.reason_code = exceptions.reason_code
    left join severities
        on severities.control_id = exceptions.control_id
        and severities.amount_from <= coalesce(exceptions.amount_group, 0)
        and (severities.amount_below is null or severities.amount_below > coalesce(exceptions.amount_group, 0))
    left join {{ source('meta', 'system') }} as left_system on left_system.system = exceptions.left_system
    left join {{ source('meta', 'system') }} as right_system on right_system.system = exceptions.right_system
    left join {{ ref('dim_legal_entity') }} as entity on entity.legal_entity_id = exceptions.legal_entity_id

)

{{ cast_to_contract('final') }}
