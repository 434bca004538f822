{{ config(materialized='incremental', incremental_strategy='scope_replace', on_schema_change='fail') }}

-- read in nights, or under a policy: depends_on: {{ ref('dim_legal_entity') }}, {{ ref('dim_fiscal_period') }}, {{ ref('dim_exchange_rate') }}
{%- set policies = commitment_policies() %}
{%- set coding = coding_columns() %}
{%- set kinds = [
    {'name': 'order', 'kind': 'encumbrance', 'begins': 'obligate', 'fact': 'fct_purchase_order_line', 'first_on': 'order_date',
     'begun': "'approved', 'issued', 'closed'", 'open': "'approved', 'issued'", 'line_type': 'line_type', 'net': 'amount_net_txn',
     'digits': relief_digits('lines.amount_txn', 'lines.minor_units')},
    {'name': 'requisition', 'kind': 'pre_encumbrance', 'begins': 'reserve', 'fact': 'fct_requisition_line',
     'first_on': 'requested_on', 'begun': "'approved', 'ordered', 'closed'", 'open': "'approved'",
     'line_type': "cast('requisition' as varchar)", 'net': 'amount_txn', 'digits': '4'},
] %}

with batch_days as (

    {{ batch_days() }}

),

-- 1. lines that this build looks at, in their versions; a line of which one version landed is its present state
{%- for this_kind in kinds %}
{%- set name = this_kind.name %}
{%- set columns = [
    'record_key', 'source_system', 'batch_id', 'changed_at', 'is_deleted', 'legal_entity_id', 'cost_center_id', 'account_id',
    'project_id'
] + segment_pairs() + [
    ['document_no', name ~ '_no'], 'line_no', 'line_status', ['first_on', this_kind.first_on], 'approved_on', 'closed_on',
    'currency_code', 'quantity', ['amount_net_txn', this_kind.net], 'amount_txn', 'amount_functional', 'rate_functional', 'rate_group',
    ['line_type', this_kind.line_type]
] %}
{%- if is_incremental() %}
touched_{{ name }} as (

    {{ touched_lines(name, policies) }}

),
{% endif %}
{%- set is_touched %}{% if is_incremental() %}record_key in (select record_key from touched_{{ name }}){% else %}true{% endif %}{% endset %}
{{ name }}_line_changed as (

    select distinct record_key from {{ ref(this_kind.fact ~ '_version') }} where {{ is_touched }}

),

{{ name }}_line_versions as (

    select
        {{ named(columns) }},
        true as is_present,
        cast(null as date) as changed_on,
        1 as version_no,
        false as has_history
    from {{ ref(this_kind.fact) }}
    where not is_deleted and {{ is_touched }} and record_key not in (select record_key from {{ name }}_line_changed)

    union all

    select versions.*, true as has_history
    from (
        {{ numbered_versions(this_kind.fact, 'select record_key from ' ~ name ~ '_line_changed', columns, 'first_on') }}
    ) as versions

),

-- what documents are measured against: the quantity (of a line that has or had one), or the net value
{{ name }}_line_basis as (

    select
        versions.record_key,
        versions.source_system,
        versions.document_no,
        versions.line_no,
        versions.legal_entity_id,
        versions.line_type,
        versions.first_on,
        versions.currency_code,
        versions.quantity,
        versions.amount_net_txn,
        versions.amount_txn,
        versions.amount_functional,
        versions.line_type = 'quantity'
        and coalesce(versions.quantity <> 0 or versions.record_key in (
            select record_key from {{ name }}_line_versions where has_history and quantity <> 0
        ), false) as is_quantity
    from {{ name }}_line_versions as versions
    where versions.is_present

),
{%- endfor %}

policy_keys as (

    select distinct legal_entity_id, line_type, first_on as policy_date from order_line_basis
    {%- if policies.any %}
    union
    select distinct legal_entity_id, line_type, first_on as policy_date from requisition_line_basis
    {%- endif %}

),

relief_points as (

    {{ policy_values('relief_point', 'policy_keys', default_relief_point()) }}

),
{% if policies.any %}
{{ policy_tables(policies) }}
{% endif %}
-- 2. what relieves: receipts or approved invoices of an order line, as the policy of entity and line type says, and the order lines
--    made of a requisition line. A document that states no quantity counts as its share of the line's net value.
{{ document_moves(
    'receipt', 'fct_receipt_line', 'order_line_basis', 'posting_date', "documents.line_status = 'posted'",
    ['line_status', 'order_no', 'order_line_no', 'quantity', 'currency_code', 'amount_txn'],
    'lines.source_system = ' ~ order_system('documents')
    ~ ' and lines.document_no = documents.order_no and lines.line_no = documents.order_line_no',
    receipt_part(), 'receipt'
) }},

{{ document_moves(
    'invoice', 'fct_invoice_line', 'order_line_basis', 'posting_date', "documents.line_status = 'approved'",
    ['line_status', 'order_no', 'order_line_no', 'quantity', 'currency_code', 'amount_net_txn', 'amount_functional'],
    'lines.source_system = ' ~ order_system('documents')
    ~ ' and lines.document_no = documents.order_no and lines.line_no = documents.order_line_no',
    invoice_part(), 'invoice'
) }},

{{ document_moves(
    'order', 'fct_purchase_order_line', 'requisition_line_basis', 'order_date', stands_for_requisition('documents'),
    ['line_status', 'approved_on', 'requisition_no', 'requisition_line_no', 'currency_code', 'amount_txn', 'amount_functional'],
    'lines.source_system = documents.source_system and lines.document_no = documents.requisition_no'
    ~ ' and lines.line_no = documents.requisition_line_no',
    requisition_part()
) }},

order_documents as (

    select * from receipt_moves
    union all
    select * from invoice_moves

),

requisition_documents as (

    select * from order_moves

),

-- 3. to 6. of each kind of line: steps, what has come, changes of the balance
{%- for this_kind in kinds %}

{{ line_changes(this_kind, policies, coding) }},
{%- endfor %}


changes as (
    {%- for this_kind in kinds %}

    select '{{ this_kind.kind }}' as commitment_kind, changes.*
    from {{ this_kind.name }}_line_changes as changes
    where changes.open_before <> changes.open_after
        or changes.quantity <> 0
        or changes.movement_type in ('{{ this_kind.begins }}', 'revalue')
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

-- 7. in functional and group currency, and in the fiscal period of the day
{% if policies.revalue %}
{{ rated_changes(coding) }},
{% endif %}
movements as (

    select
        changes.commitment_kind,
        changes.record_key,
        {% for column in coding %}changes.{{ column }}, {% endfor %}
        {{ day_of_place('changes.place') }} as movement_on,
        changes.movement_type,
        cast(null as varchar) as reason,
        changes.document_kind,
        changes.document_key,
        changes.sequence_no,
        changes.quantity,
        changes.open_after - changes.open_before as amount_txn,
        {{ converted_change('functional', policies.revalue) }} as amount_functional,
        {{ converted_change('group', policies.revalue) }} as amount_group
    from {{ 'rated' if policies.revalue else 'changes' }} as changes

),

placed as (

    select
        movements.*,
        coalesce(period.fiscal_period_id, 'UNMAPPED') as fiscal_period_id
    from movements
    left join {{ ref('int_entity_day') }} as period
        on period.legal_entity_id = movements.legal_entity_id and period.period_day = movements.movement_on
    {%- if policies.revalue %}
    where movements.movement_type <> 'revalue' or movements.amount_functional <> 0 or movements.amount_group <> 0
    {%- endif %}

),
{%- if is_incremental() %}

-- 8. periods that are not rebuilt do not move. What is known now and was not posted there is adjusted on the first day of the next
--    period that is rebuilt.
{{ late_movements(coding) }},
{%- endif %}

final as (

    select * from placed where {{ in_scope('placed') }}
    {%- if is_incremental() %}
    union all
    select * from late
    {%- endif %}

)

{{ cast_to_contract('final') }}
