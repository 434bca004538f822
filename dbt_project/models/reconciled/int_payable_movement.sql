{{ config(materialized='incremental', incremental_strategy='scope_replace', on_schema_change='fail') }}

-- 1. the sub-ledger: items come in when they are posted and go when they are cleared
with items as (

    select
        legal_entity_id,
        fiscal_period_id,
        supplier_id,
        source_system,
        sum(amount_functional) as item_functional,
        count(*) as item_count,
        max(posting_date) as last_on
    from {{ ref('fct_supplier_item') }} as posted
    where not is_deleted and posting_date <= {{ as_of() }} and {{ in_scope('posted') }}
    group by legal_entity_id, fiscal_period_id, supplier_id, source_system

),

cleared as (

    select
        cleared.legal_entity_id,
        cleared.fiscal_period_id,
        cleared.supplier_id,
        cleared.source_system,
        sum(-cleared.amount_functional) as item_functional,
        count(*) as item_count,
        max(cleared.cleared_on) as last_on
    from (
        select legal_entity_id, cleared_period_id as fiscal_period_id, supplier_id, source_system, amount_functional, cleared_on
        from {{ ref('fct_supplier_item') }}
        where not is_deleted and posting_date <= {{ as_of() }} and cleared_on <= {{ as_of() }}
    ) as cleared
    where {{ in_scope('cleared') }}
    group by cleared.legal_entity_id, cleared.fiscal_period_id, cleared.supplier_id, cleared.source_system

),

-- 2. the ledger: lines on the control accounts
control_accounts as (

    {{ role_accounts('ap_control') }}

),

postings as (

    select
        lines.legal_entity_id,
        lines.fiscal_period_id,
        lines.supplier_id,
        lines.source_system,
        sum(lines.amount_functional) as ledger_functional,
        count(*) as ledger_count,
        max(lines.posting_date) as last_on
    from {{ ref('fct_journal_line') }} as lines
    inner join control_accounts
        on control_accounts.legal_entity_id = lines.legal_entity_id
        and control_accounts.account_id = lines.account_id
        and control_accounts.valid_from <= lines.posting_date
        and control_accounts.valid_to >= lines.posting_date
    where not lines.is_deleted and lines.posting_date <= {{ as_of() }} and {{ in_scope('lines') }}
    group by lines.legal_entity_id, lines.fiscal_period_id, lines.supplier_id, lines.source_system

),

final as (

    select
        sides.legal_entity_id,
        sides.fiscal_period_id,
        sides.supplier_id,
        min(sides.item_system collate "C") as item_system,
        min(sides.ledger_system collate "C") as ledger_system,
        sum(sides.item_functional) as item_functional,
        sum(sides.item_count) as item_count,
        sum(sides.ledger_functional) as ledger_functional,
        sum(sides.ledger_count) as ledger_count,
        max(sides.last_on) as last_on
    from (
        {%- for cte in ['items', 'cleared'] %}
        select
            legal_entity_id,
            fiscal_period_id,
            supplier_id,
            source_system as item_system,
            cast(null as varchar) as ledger_system,
            item_functional,
            item_count,
            0 as ledger_functional,
            0 as ledger_count,
            last_on
        from {{ cte }}
        union all
        {%- endfor %}
        select
            legal_entity_id,
            fiscal_period_id,
            supplier_id,
            cast(null as varchar) as item_system,
            source_system as ledger_system,
            0 as item_functional,
            0 as item_count,
            ledger_functional,
            ledger_count,
            last_on
        from postings
    ) as sides
    group by sides.legal_entity_id, sides.fiscal_period_id, sides.supplier_id

)

{{ cast_to_contract('final') }}
