-- A checkpoint: it says what holds on the business date, so it is made anew every time. Budgets are few beside documents.
{{ config(materialized='table') }}

{%- set cell = ['legal_entity_id', 'control_cost_center_id', 'control_account_id', 'project_id'] + segment_columns() %}

-- 1. what counts here: the effective budget (SPEC 4) rolled up to where availability is checked, in the currencies it was planned in.
--    A budget of 0 and none say the same.
with loaded as (

    select
        {{ cell_id('sums.legal_entity_id', 'sums.control_cost_center_id', 'sums.control_account_id', 'sums.project_id', 'sums') }} as cell_id,
        sums.*
    from (
        select
            lines.legal_entity_id,
            {{ control_cost_center('lines') }} as control_cost_center_id,
            {{ control_account('lines') }} as control_account_id,
            lines.project_id,
            {{ segments('lines') }},
            lines.fiscal_period_id,
            lines.currency_code,
            min(lines.source_system collate "C") as loaded_system,
            max(lines.approved_on) as moved_on,
            sum(lines.amount_txn) as amount_txn,
            case when count(lines.amount_functional) = count(*) then sum(lines.amount_functional) end as amount_functional,
            case when count(lines.amount_group) = count(*) then sum(lines.amount_group) end as amount_group,
            -- a period has one plan rate per currency
            min(lines.rate_functional) as rate_functional,
            min(lines.rate_group) as rate_group
        from {{ ref('fct_budget_line') }} as lines
        left join {{ ref('dim_account') }} as account on account.account_id = lines.account_id
        {{ control_level_joins('lines') }}
        where lines.is_effective and coalesce(account.account_type, 'none') <> 'statistical'
        group by {{ range(1, 13) | join(', ') }}
        having sum(lines.amount_txn) <> 0
    ) as sums

),

-- 2. what systems state, at the same level, whatever level they state it at
stated as (

    select
        {{ cell_id('sums.legal_entity_id', 'sums.control_cost_center_id', 'sums.control_account_id', 'sums.project_id', 'sums') }} as cell_id,
        sums.*
    from (
        select
            lines.legal_entity_id,
            {{ control_cost_center('lines') }} as control_cost_center_id,
            {{ control_account('lines') }} as control_account_id,
            lines.project_id,
            {{ segments('lines') }},
            lines.fiscal_period_id,
            lines.currency_code,
            lines.source_system,
            lines.checkpoint_stage,
            max(lines.stated_on) as moved_on,
            sum(lines.amount_txn) as amount_txn,
            case when count(lines.amount_functional) = count(*) then sum(lines.amount_functional) end as amount_functional,
            case when count(lines.amount_group) = count(*) then sum(lines.amount_group) end as amount_group,
            min(lines.rate_functional) as rate_functional,
            min(lines.rate_group) as rate_group
        from {{ ref('fct_budget_checkpoint') }} as lines
        left join {{ ref('dim_account') }} as account on account.account_id = lines.account_id
        {{ control_level_joins('lines') }}
        where not lines.is_deleted and lines.stated_on <= {{ as_of() }}
            and coalesce(account.account_type, 'none') <> 'statistical'
        group by {{ range(1, 15) | join(', ') }}
        having sum(lines.amount_txn) <> 0
    ) as sums

),

-- 3. what a system is held against: entities and accounts of which it has ever stated a budget, from the first period that it states
--    of the entity to the period that has begun. Who checks purchases knows no revenue; who keeps this year does not miss the last.
covered as (

    select
        lines.source_system,
        lines.checkpoint_stage,
        lines.legal_entity_id,
        {{ control_account('lines') }} as control_account_id,
        min(min(period.starts_on)) over (
            partition by lines.source_system, lines.checkpoint_stage, lines.legal_entity_id
        ) as first_starts_on
    from {{ ref('fct_budget_checkpoint') }} as lines
    left join {{ ref('dim_fiscal_period') }} as period on period.fiscal_period_id = lines.fiscal_period_id
    {{ control_level_joins('lines') }}
    group by lines.source_system, lines.checkpoint_stage, lines.legal_entity_id, {{ control_account('lines') }}

),

held as (

    select
        covered.source_system,
        covered.checkpoint_stage,
        period.starts_on >= covered.first_starts_on and period.starts_on <= {{ as_of() }} as is_due,
        loaded.*
    from loaded
    inner join covered
        on covered.legal_entity_id = loaded.legal_entity_id and covered.control_account_id = loaded.control_account_id
    left join {{ ref('dim_fiscal_period') }} as period on period.fiscal_period_id = loaded.fiscal_period_id

),

-- 4. both sides, currency by currency
both_sides as (

    select
        coalesce(stated.source_system, held.source_system) as stating_system,
        coalesce(stated.checkpoint_stage, held.checkpoint_stage) as aspect,
        coalesce(stated.cell_id, held.cell_id) as cell_id,
        {%- for column in cell + ['fiscal_period_id', 'currency_code'] %}
        coalesce(stated.{{ column }}, held.{{ column }}) as {{ column }},
        {%- endfor %}
        held.loaded_system,
        greatest(held.moved_on, stated.moved_on) as moved_on,
        coalesce(held.is_due, false) as is_due,
        held.amount_txn as loaded_txn,
        held.amount_functional as loaded_functional,
        held.amount_group as loaded_group,
        stated.amount_txn as stated_txn,
        stated.amount_functional as stated_functional,
        stated.amount_group as stated_group,
        coalesce(held.rate_functional, stated.rate_functional) as rate_functional,
        coalesce(held.rate_group, stated.rate_group) as rate_group
    from held
    full join stated
        on stated.source_system = held.source_system
        and stated.checkpoint_stage = held.checkpoint_stage
        and stated.cell_id = held.cell_id
        and stated.fiscal_period_id = held.fiscal_period_id
        and stated.currency_code = held.currency_code

),

-- 5. what stands alone in its currency: one on each side belong together, more cannot be told apart
alone as (

    select
        both_sides.*,
        sum(case when stated_txn is null then 1 else 0 end) over of_cell as loaded_alone,
        sum(case when loaded_txn is null then 1 else 0 end) over of_cell as stated_alone,
        max(case when loaded_txn is null then moved_on end) over of_cell as other_moved_on,
        max(case when loaded_txn is null then currency_code end) over of_cell as other_currency,
        max(case when loaded_txn is null then stated_txn end) over of_cell as other_txn,
        max(case when loaded_txn is null then rate_group end) over of_cell as other_rate_group
    from both_sides
    window of_cell as (partition by stating_system, aspect, cell_id, fiscal_period_id)

),

sided as (

    select
        alone.*,
        period.starts_on,
        entity.functional_currency,
        coalesce(account.account_type, 'none') as category,
        stated_txn is null and loaded_alone = 1 and stated_alone = 1 as is_pair,
        -- stated in the entity's own currency, planned in another: compared at the plan rate
        stated_txn is null and loaded_alone = 1 and stated_alone = 1 and other_currency = entity.functional_currency
        and loaded_functional is not null as is_translated
    from alone
    left join {{ ref('dim_fiscal_period') }} as period on period.fiscal_period_id = alone.fiscal_period_id
    left join {{ ref('dim_legal_entity') }} as entity on entity.legal_entity_id = alone.legal_entity_id
    left join {{ ref('dim_account') }} as account on account.account_id = alone.control_account_id
    where (stated_txn is not null or is_due or stated_alone > 0)
        -- the other half of a pair
        and not (loaded_txn is null and loaded_alone = 1 and stated_alone = 1)

),

differing as (

    select
        sided.*,
        case when is_translated then loaded_functional else loaded_txn end as left_amount,
        case when is_pair then other_txn else stated_txn end as right_amount,
        cast(
            case
                when is_translated then loaded_functional - other_txn
                when is_pair then null
                else coalesce(loaded_txn, 0) - coalesce(stated_txn, 0)
            end as numeric(28,4)
        ) as difference_amount,
        case when is_translated then 1 else rate_functional end as difference_rate_functional,
        case when is_translated then other_rate_group else rate_group end as difference_rate_group,
        greatest(moved_on, case when is_pair then other_moved_on end) as last_moved_on
    from sided

),

tolerance_keys as (

    select distinct legal_entity_id, category, coalesce(starts_on, {{ as_of() }}) as tolerance_date from differing

),

limits as (

    {{ tolerances('C03', 'tolerance_keys', ['approved', 'published']) }}

),

-- 6. judged: missing on a side, currency, amount. What moved on either side within the allowed days is not judged yet.
measured as (

    select
        differing.*,
        limits.absolute_functional,
        limits.percent,
        limits.lag_days,
        case
            when stated_txn is not null and loaded_txn is not null then case when difference_amount <> 0 then 'amount_differs' end
            when is_translated then case when difference_amount <> 0 then 'amount_differs' end
            when is_pair then 'currency_differs'
            when loaded_alone > 0 and stated_alone > 0 then 'currency_ambiguous'
            when stated_txn is null and differing.aspect = 'approved' then 'not_approved'
            when stated_txn is null then 'not_published'
            when differing.aspect = 'approved' then 'not_loaded'
            else 'not_budgeted'
        end as found
    from differing
    left join limits
        on limits.legal_entity_id = differing.legal_entity_id
        and limits.category = differing.category
        and limits.tolerance_date = coalesce(differing.starts_on, {{ as_of() }})
        and limits.aspect = differing.aspect

),

judged as (

    select
        measured.*,
        found is null as is_equal,
        case
            when found = 'amount_differs' and {{ is_within(
                valued('difference_amount', 'difference_rate_functional'), 'loaded_functional', 'measured'
            ) }} then null
            else found
        end as reason_code,
        -- of a currency that cannot be compared all that was planned is at stake
        case
            when found is null then 0
            when found = 'amount_differs' then {{ times('difference_amount', 'difference_rate_functional') }}
            when loaded_txn is not null then loaded_functional
            else stated_functional
        end as amount_functional,
        case
            when found is null then 0
            when found = 'amount_differs' then {{ times('difference_amount', 'difference_rate_group') }}
            when loaded_txn is not null then loaded_group
            else stated_group
        end as amount_group
    from measured
    where found is null or coalesce({{ as_of() }} - last_moved_on > lag_days, true)

),

passing as (

    select
        legal_entity_id,
        fiscal_period_id,
        is_equal,
        aspect,
        count(*) as row_count,
        sum(abs(amount_functional)) as amount_functional,
        sum(abs(amount_group)) as amount_group
    from judged
    where reason_code is null
    group by legal_entity_id, fiscal_period_id, is_equal, aspect

),

-- 7. what fails, in words
failing as (

    select
        judged.legal_entity_id,
        judged.fiscal_period_id,
        judged.is_equal,
        judged.aspect,
        1 as row_count,
        judged.amount_functional,
        judged.amount_group,
        judged.stating_system || '|' || judged.control_cost_center_id || '|' || judged.control_account_id || '|' || judged.project_id
        {%- for segment in segment_columns() %} || '|' || judged.{{ segment }}{% endfor %}
        || '|' || judged.fiscal_period_id || '|' || judged.currency_code as business_key,
        judged.loaded_system as left_system,
        judged.stating_system as right_system,
        cast(judged.left_amount as varchar) as left_value,
        cast(judged.right_amount as varchar) as right_value,
        judged.left_amount,
        judged.right_amount,
        case when judged.reason_code <> 'currency_ambiguous' then judged.difference_amount end as difference_amount,
        case when judged.is_translated then judged.functional_currency else judged.currency_code end as currency_code,
        cast(null as numeric(28,4)) as quantity_difference,
        cast(null as varchar) as supplier_id,
        judged.control_account_id as account_id,
        judged.control_cost_center_id as cost_center_id,
        judged.cell_id,
        judged.reason_code,
        coalesce(judged.starts_on, {{ as_of() }}) as document_date,
        'Cost center ' || judged.control_cost_center_id || ', account ' || judged.control_account_id || ', period '
        || judged.fiscal_period_id || ': '
        || case
            when judged.reason_code = 'not_published' then
                {{ words('judged.left_amount') }} || ' ' || judged.currency_code || ' approved and loaded, '
                || judged.stating_system || ' has no budget published'
            when judged.reason_code = 'not_approved' then
                {{ words('judged.left_amount') }} || ' ' || judged.currency_code || ' counts here, '
                || judged.stating_system || ' has approved nothing'
            when judged.reason_code = 'not_budgeted' then
                judged.stating_system || ' checks against ' || {{ words('judged.right_amount') }} || ' ' || judged.currency_code
                || ', no approved version has a budget'
            when judged.reason_code = 'not_loaded' then
                judged.stating_system || ' approved ' || {{ words('judged.right_amount') }} || ' ' || judged.currency_code
                || ', nothing of it counts here'
            when judged.reason_code = 'currency_differs' then
                'planned in ' || judged.currency_code || ', stated by ' || judged.stating_system || ' in ' || judged.other_currency
            when judged.reason_code = 'currency_ambiguous' then
                case when judged.left_amount is not null
                    then {{ words('judged.left_amount') }} || ' ' || judged.currency_code || ' planned'
                    else {{ words('judged.right_amount') }} || ' ' || judged.currency_code || ' stated by ' || judged.stating_system
                end || ', with several currencies on the other side'
            else
                {{ words('judged.left_amount') }} || ' '
                || case when judged.is_translated then judged.functional_currency else judged.currency_code end
                || ' counts here, ' || judged.stating_system || ' states ' || {{ words('judged.right_amount') }}
        end || '.' as message
    from judged
    where judged.reason_code is not null

),

results as (

    {{ failing_and_passing('failing', 'passing') }}

),

final as (

    {{ control_result('C03', 'results', is_gathered=true) }}

)

{{ cast_to_contract('final') }}
