{{ config(materialized='view') }}

with final as (

    select
        documents.*,
        {{ control_cost_center('documents') }} as control_cost_center_id,
        {{ control_account('documents') }} as control_account_id,
        {{ cell_id(
            'documents.legal_entity_id', control_cost_center('documents'), control_account('documents'), 'documents.project_id', 'documents'
        ) }} as cell_id,
        entity.functional_currency as currency_code
    from {{ ref('int_variance_document') }} as documents
    left join {{ ref('dim_legal_entity') }} as entity on entity.legal_entity_id = documents.legal_entity_id
    {{ control_level_joins('documents') }}

)

{{ cast_to_contract('final') }}
