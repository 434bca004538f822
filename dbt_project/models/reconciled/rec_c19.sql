{{ config(materialized='incremental', incremental_strategy='scope_replace', on_schema_change='fail') }}

{#- Facts that are converted here, with what marks their records as in use. #}
{%- set facts = [
    {'model': 'fct_requisition_line', 'in_use': "line_status not in ('draft', 'rejected', 'cancelled')"},
    {'model': 'fct_purchase_order_line', 'in_use': "line_status not in ('draft', 'rejected', 'cancelled')"},
    {'model': 'fct_invoice_line', 'in_use': "line_status not in ('draft', 'rejected', 'cancelled')"},
    {'model': 'fct_budget_line', 'in_use': "version_status not in ('draft', 'rejected')", 'rate_type': plan_rate_type()},
] %}

-- 1. conversions that facts need, per entity, currency pair, rate type and period, and how many of them have no rate
with needs as (
    {%- for fact in facts %}
    {%- for target, rate in [('entity.functional_currency', 'rate_functional'), ("'" ~ var('group_currency') ~ "'", 'rate_group')] %}

    select
        fact.legal_entity_id,
        fact.fiscal_period_id,
        {{ fact.rate_type or "'spot'" }} as rate_type,
        fact.currency_code as from_currency,
        {{ target }} as to_currency,
        count(*) as row_count,
        count(*) - count(fact.{{ rate }}) as missing_count,
        sum(case when fact.{{ rate }} is null then abs(fact.amount_txn) end) as missing_txn,
        sum(case when fact.{{ rate }} is null then abs(fact.amount_functional) end) as missing_functional,
        sum(case when fact.{{ rate }} is null then abs(fact.amount_group) end) as missing_group
    from {{ ref(fact.model) }} as fact
    inner join {{ ref('dim_legal_entity') }} as entity
        on entity.legal_entity_id = fact.legal_entity_id and entity.legal_entity_id <> 'UNMAPPED'
    where not fact.is_deleted and fact.{{ fact.in_use }}
        and fact.currency_code <> {{ target }}
        {%- if rate == 'rate_functional' %}
        -- else the pair is the group's, and counted there
        and entity.functional_currency <> '{{ var("group_currency") }}'
        {%- endif %}
        and {{ in_scope('fact') }}
    group by {{ range(1, 6) | join(', ') }}

    union all
    {%- endfor %}
    {%- endfor %}
    {%- for ledger in ['fct_journal_line', 'fct_ledger_balance'] %}

    select
        fact.legal_entity_id,
        fact.fiscal_period_id,
        'spot' as rate_type,
        entity.functional_currency as from_currency,
        '{{ var("group_currency") }}' as to_currency,
        count(*) as row_count,
        count(*) - count(fact.rate_group) as missing_count,
        sum(case when fact.rate_group is null then abs(fact.amount_functional) end) as missing_txn,
        sum(case when fact.rate_group is null then abs(fact.amount_functional) end) as missing_functional,
        cast(null as numeric(28,4)) as missing_group
    from {{ ref(ledger) }} as fact
    inner join {{ ref('dim_legal_entity') }} as entity
        on entity.legal_entity_id = fact.legal_entity_id and entity.legal_entity_id <> 'UNMAPPED'
        and entity.functional_currency <> '{{ var("group_currency") }}'
    where not fact.is_deleted and {{ in_scope('fact') }}
    group by {{ range(1, 6) | join(', ') }}
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

-- 2. one row per pair, type and period, whatever the facts
pairs as (

    select
        legal_entity_id,
        fiscal_period_id,
        rate_type,
        from_currency,
        to_currency,
        sum(row_count) as row_count,
        sum(missing_count) as missing_count,
        sum(missing_txn) as missing_txn,
        sum(missing_functional) as missing_functional,
        sum(missing_group) as missing_group
    from needs
    group by {{ range(1, 6) | join(', ') }}

),

compared as (

    select
        legal_entity_id,
        fiscal_period_id,
        case when missing_count > 0 then 'missing_rate' end as reason_code,
        missing_count = 0 as is_equal,
        'rate' as aspect,
        rate_type || '|' || from_currency || '|' || to_currency || '|' || fiscal_period_id as business_key,
        cast(null as varchar) as left_system,
        'reference' as right_system,
        cast(missing_count as varchar) as left_value,
        cast(null as varchar) as right_value,
        missing_txn as left_amount,
        cast(null as numeric(28,4)) as right_amount,
        cast(null as numeric(28,4)) as difference_amount,
        from_currency as currency_code,
        missing_functional as amount_functional,
        missing_group as amount_group,
        cast(null as numeric(28,4)) as quantity_difference,
        cast(null as varchar) as supplier_id,
        cast(null as varchar) as account_id,
        cast(null as varchar) as cost_center_id,
        cast(null as varchar) as cell_id,
        cast(null as date) as document_date,
        'No ' || rate_type || ' rate from ' || from_currency || ' to ' || to_currency || ' for '
        || cast(missing_count as varchar) || ' of ' || cast(row_count as varchar) || ' records in ' || fiscal_period_id
        || ', ' || {{ words('missing_txn') }} || ' ' || from_currency || ' in all.' as message
    from pairs

),

final as (

    {{ control_result('C19') }}

)

{{ cast_to_contract('final') }}
