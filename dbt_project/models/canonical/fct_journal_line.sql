{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='record_key', on_schema_change='fail') }}

{%- set dimensions = ['legal_entity', 'cost_center', 'account', 'project', 'supplier'] %}
{%- set ledger_day %}
    left join {{ ref('dim_legal_entity') }} as entity on entity.legal_entity_id = t.legal_entity_id
    left join {{ ref('int_entity_day') }} as entity_day
        on entity_day.legal_entity_id = t.legal_entity_id and entity_day.period_day = t.posting_date
{%- endset %}

-- 1. newly landed records, and those that can be settled only now
with fed as (

    {{ fact_feed('journal_line', dimensions, ledger_day, ledger_rate_outdated()) }}

),

-- 2. source codes to canonical ids, as they hold on the posting date. Only small tables are joined, each by equality and a
--    date test, and nothing is sorted: this model sees every ledger line.
mapped as (

    select
        fed.*,
        {{ mapped_id('legal_entity', 'entity_code') }} as legal_entity_id,
        {{ mapped_id('cost_center', 'cost_center_code') }} as cost_center_id,
        {{ mapped_id('account', 'account_code') }} as account_id,
        {{ mapped_id('project', 'project_code') }} as project_id,
        {{ mapped_id('supplier', 'supplier_code') }} as supplier_id,
        legal_entity_map.functional_currency,
        legal_entity_map.calendar_id
    from fed
    {{ code_join('legal_entity', 'entity_code', 'fed.posting_date') }}
    {{ code_join('cost_center', 'cost_center_code', 'fed.posting_date') }}
    {{ code_join('account', 'account_code', 'fed.posting_date') }}
    {{ code_join('project', 'project_code', 'fed.posting_date') }}
    {{ code_join('supplier', 'supplier_code', 'fed.posting_date') }}

),

-- 3. fiscal period: by date among the normal periods, unless the ledger names a closing period of the calendar
dated as (

    select
        mapped.*,
        coalesce(closing.fiscal_period_id, entity_day.fiscal_period_id, 'UNMAPPED') as fiscal_period_id,
        coalesce(closing.fiscal_year, entity_day.fiscal_year, mapped.fiscal_year) as period_fiscal_year,
        case
            when mapped.functional_currency = '{{ var("group_currency") }}' then 1 else entity_day.rate_group
        end as rate_group,
        entity_day.short_rate_group,
        case
            when mapped.functional_currency = '{{ var("group_currency") }}' then mapped.posting_date
            else entity_day.rate_date
        end as rate_date
    from mapped
    left join {{ ref('int_entity_day') }} as entity_day
        on entity_day.legal_entity_id = mapped.legal_entity_id and entity_day.period_day = mapped.posting_date
    left join {{ ref('dim_fiscal_period') }} as closing
        on closing.kind = 'closing'
        and closing.period_no = mapped.period_no
        and closing.fiscal_year = mapped.fiscal_year
        and closing.calendar_id = mapped.calendar_id

),

-- 4. the functional amount is the ledger's own; only the group's amount is made here
final as (

    select
        source_system,
        record_key,
        batch_id,
        changed_at,
        is_deleted,
        legal_entity_id,
        entity_code,
        cost_center_id,
        cost_center_code,
        account_id,
        account_code,
        project_id,
        project_code,
        supplier_id,
        supplier_code,
        segment_1,
        segment_2,
        segment_3,
        segment_4,
        segment_5,
        segment_6,
        journal_no,
        line_no,
        posting_date,
        document_date,
        period_no,
        source_document_type,
        source_document_no,
        source_document_line_no,
        order_no,
        order_line_no,
        currency_code,
        amount_txn,
        amount_functional,
        fiscal_period_id,
        period_fiscal_year as fiscal_year,
        case
            when rate_group = 1 then amount_functional
            else {{ converted('dated.amount_functional', 'dated', 'group') }}
        end as amount_group,
        rate_group,
        rate_date
    from dated

)

{{ cast_to_contract('final') }}
