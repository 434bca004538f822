{{ config(materialized='view') }}

with open_lines as (
    {%- for kind, fact, number in [
        ('encumbrance', 'fct_purchase_order_line', 'order_no'), ('pre_encumbrance', 'fct_requisition_line', 'requisition_no'),
    ] %}

    select
        commitments.*,
        documents.source_system,
        documents.{{ number }} as document_no,
        documents.line_no,
        documents.cost_center_id,
        documents.account_id,
        documents.project_id,
        documents.supplier_id,
        {{ segments('documents') }},
        documents.currency_code
    from {{ ref('int_commitment_line') }} as commitments
    inner join {{ ref(fact) }} as documents on documents.record_key = commitments.record_key
    where commitments.commitment_kind = '{{ kind }}' and commitments.amount_open_txn <> 0
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

final as (

    select
        open_lines.*,
        orders.line_type,
        orders.line_status,
        orders.relief_point,
        orders.due_on,
        orders.quantity_ordered,
        orders.quantity_received,
        orders.quantity_invoiced,
        entity.functional_currency,
        supplier.supplier_name,
        {{ control_cost_center('open_lines') }} as control_cost_center_id,
        {{ control_account('open_lines') }} as control_account_id,
        {{ cell_id(
            'open_lines.legal_entity_id', control_cost_center('open_lines'), control_account('open_lines'),
            'open_lines.project_id', 'open_lines'
        ) }} as cell_id,
        {{ as_of() }} - open_lines.committed_on as age_days,
        case
            when {{ as_of() }} - open_lines.committed_on <= 30 then '0-30'
            when {{ as_of() }} - open_lines.committed_on <= 90 then '31-90'
            when {{ as_of() }} - open_lines.committed_on <= 180 then '91-180'
            when {{ as_of() }} - open_lines.committed_on <= 365 then '181-365'
            else 'over 365'
        end as age_band,
        {{ as_of() }} as as_of
    from open_lines
    left join {{ ref('int_order_line') }} as orders
        on orders.record_key = open_lines.record_key and open_lines.commitment_kind = 'encumbrance'
    left join {{ ref('dim_legal_entity') }} as entity on entity.legal_entity_id = open_lines.legal_entity_id
    left join {{ ref('dim_supplier') }} as supplier on supplier.supplier_id = open_lines.supplier_id
    {{ control_level_joins('open_lines') }}

)

{{ cast_to_contract('final') }}
