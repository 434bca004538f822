{#-
  Which policies of the sub-ledger the deployment has at all; what none has is not compiled and costs nothing.
    commitment_revaluation: none (default) or period_end. year_end_commitments: continue (default), carry_forward or lapse.
-#}
{% macro commitment_policies() -%}
    {%- set found = {'revalue': false, 'carry': false, 'lapse': false, 'any': false} -%}
    {%- if execute -%}
        {%- set rows = run_query(
            "select distinct value from " ~ source('reference', 'policies')
            ~ " where policy in ('commitment_revaluation', 'year_end_commitments')"
        ) -%}
        {%- for row in rows -%}
            {%- set name = {'period_end': 'revalue', 'carry_forward': 'carry', 'lapse': 'lapse'}.get(row[0]) -%}
            {%- if name -%}{%- do found.update({name: true, 'any': true}) -%}{%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found) }}
{%- endmacro %}


{#- CTEs that the policies need, over all lines: what holds for which line, and the ends of periods and years that are over. -#}
{% macro policy_tables(policies) -%}
revaluations as (

    {{ finance_sync.policy_values('commitment_revaluation', 'policy_keys', 'none') }}

),

year_ends as (

    {{ finance_sync.policy_values('year_end_commitments', 'policy_keys', 'continue') }}

),

period_ends as (

    select
        entity.legal_entity_id,
        entity.functional_currency,
        period.starts_on,
        period.ends_on,
        min(period.starts_on) over (partition by entity.legal_entity_id, period.fiscal_year) as year_starts_on,
        max(period.ends_on) over (partition by entity.legal_entity_id, period.fiscal_year) as year_ends_on
    from {{ ref('dim_legal_entity') }} as entity
    inner join {{ ref('dim_fiscal_period') }} as period
        on period.calendar_id = entity.calendar_id and period.kind = 'normal'

),

-- spot rates of the ends of periods; an end for which one of them is missing changes nothing
period_rates as (

    select
        rates.*,
        {{ finance_sync.place('rates.rated_on', 4) }} as from_place,
        {{ finance_sync.place('lead(rates.rated_on) over (partition by rates.legal_entity_id, rates.currency_code order by rates.rated_on)', 4) }}
            as to_place
    from (
        select
            ends.legal_entity_id,
            used.currency_code,
            ends.ends_on as rated_on,
            case when used.currency_code = ends.functional_currency then 1 else to_functional.rate end as rate_functional,
            case when used.currency_code = '{{ var("group_currency") }}' then 1 else to_group.rate end as rate_group
        from period_ends as ends
        inner join (
            select distinct legal_entity_id, currency_code from order_line_versions
            union
            select distinct legal_entity_id, currency_code from requisition_line_versions
        ) as used on used.legal_entity_id = ends.legal_entity_id
        left join {{ ref('dim_exchange_rate') }} as to_functional
            on to_functional.rate_type = 'spot' and to_functional.from_currency = used.currency_code
            and to_functional.to_currency = ends.functional_currency and to_functional.rate_day = ends.ends_on
        left join {{ ref('dim_exchange_rate') }} as to_group
            on to_group.rate_type = 'spot' and to_group.from_currency = used.currency_code
            and to_group.to_currency = '{{ var("group_currency") }}' and to_group.rate_day = ends.ends_on
        where ends.ends_on < {{ finance_sync.as_of() }}
    ) as rates
    where rates.rate_functional is not null and rates.rate_group is not null

),
{%- endmacro %}


{#- Which policy value a line has: joins <table> to the basis of lines `alias`. -#}
{% macro under_policy(name, table, alias, value) -%}
    inner join {{ name }}_line_basis as under_{{ table }} on under_{{ table }}.record_key = {{ alias }}.record_key
    inner join {{ table }}
        on {{ table }}.legal_entity_id = under_{{ table }}.legal_entity_id
        and {{ table }}.line_type = under_{{ table }}.line_type
        and {{ table }}.policy_date = under_{{ table }}.first_on
        and {{ table }}.policy_value = '{{ value }}'
{%- endmacro %}


{#- CTEs <name>_line_lapses and <name>_line_kept_steps: what is left at the end of the year in which a line began is released for good. -#}
{% macro lapsed_steps(name) -%}
{{ name }}_line_lapses as (

    select first.record_key, ends.year_ends_on as lapses_on
    from {{ name }}_line_first as first
    {{ finance_sync.under_policy(name, 'year_ends', 'first', 'lapse') }}
    inner join period_ends as ends
        on ends.legal_entity_id = first.legal_entity_id
        and ends.starts_on <= first.begins_on
        and ends.ends_on >= first.begins_on
    where ends.year_ends_on < {{ finance_sync.as_of() }}

),

{{ name }}_line_kept_steps as (

    select steps.*
    from {{ name }}_line_placed_steps as steps
    left join {{ name }}_line_lapses as lapses on lapses.record_key = steps.record_key
    where lapses.record_key is null or steps.place <= {{ finance_sync.place('lapses.lapses_on', 5) }}

    union all

    select
        first.*,
        lapses.lapses_on as step_on,
        false as is_open_step,
        1000000 as step_no,
        {{ finance_sync.place('lapses.lapses_on', 5) }} as place
    from {{ name }}_line_first as first
    inner join {{ name }}_line_lapses as lapses on lapses.record_key = first.record_key

)
{%- endmacro %}


{#-
  CTE <name>_line_marked: moves at the ends of periods (revalue) and years (carry_out, carry_in) at which a line is open, in the columns
  of the other moves.
-#}
{% macro marked_changes(name, policies, digits) -%}
{{ name }}_line_marks as (

    select
        cast(null as varchar) as record_key,
        cast(null as varchar) as movement_type,
        cast(null as bigint) as place
    where false
    {%- if policies.revalue %}

    union all

    select first.record_key, 'revalue', rates.from_place
    from {{ name }}_line_first as first
    {{ finance_sync.under_policy(name, 'revaluations', 'first', 'period_end') }}
    inner join period_rates as rates
        on rates.legal_entity_id = first.legal_entity_id
        and rates.currency_code = first.currency_code
        and rates.rated_on >= first.begins_on
    {%- endif %}
    {%- if policies.carry %}

    union all

    select
        first.record_key,
        sides.movement_type,
        case when sides.movement_type = 'carry_out' then {{ finance_sync.place('ends.ends_on', 5) }}
        else {{ finance_sync.place(finance_sync.add_days('ends.ends_on', 1), 0) }} end
    from {{ name }}_line_first as first
    {{ finance_sync.under_policy(name, 'year_ends', 'first', 'carry_forward') }}
    inner join period_ends as ends
        on ends.legal_entity_id = first.legal_entity_id
        and ends.ends_on = ends.year_ends_on
        and ends.ends_on >= first.begins_on
        and ends.ends_on < {{ finance_sync.as_of() }}
    cross join (select 'carry_out' as movement_type union all select 'carry_in' as movement_type) as sides
    {%- endif %}

),

{{ name }}_line_marks_came as (

    select marks.record_key, marks.place, marks.movement_type, coalesce(sum(arrivals.part), 0) as came
    from {{ name }}_line_marks as marks
    left join {{ name }}_line_arrivals as arrivals
        on arrivals.record_key = marks.record_key and arrivals.place < marks.place
    group by marks.record_key, marks.place, marks.movement_type

),

{{ name }}_line_marks_met as (

    select
        lines.*,
        marks.place as mark_place,
        marks.movement_type,
        {{ digits }} as digits,
        {{ finance_sync.between_nothing_and('lines.whole', 'marks.came') }} as done
    from {{ name }}_line_marks_came as marks
    inner join {{ name }}_line_steps as lines
        on lines.record_key = marks.record_key
        and lines.is_open_step
        and lines.place <= marks.place
        and (lines.next_place is null or lines.next_place > marks.place)

),

{{ name }}_line_marks_open as (

    select lines.*, {{ finance_sync.left_of('amount_txn', 'done', 'whole', 'digits') }} as amount_open
    from {{ name }}_line_marks_met as lines

),

{{ name }}_line_marked as (

    select
        record_key,
        version_no,
        movement_type,
        'period' as document_kind,
        record_key as document_key,
        mark_place as place,
        0 as sequence_no,
        begins_on,
        case when movement_type = 'carry_in' then 0 else amount_open end as open_before,
        case when movement_type = 'carry_out' then 0 else amount_open end as open_after,
        case
            when is_quantity and movement_type = 'carry_out' then done - whole
            when is_quantity and movement_type = 'carry_in' then whole - done
        end as quantity
    from {{ name }}_line_marks_open
    where amount_open <> 0

)
{%- endmacro %}


{#- CTE rated: changes at the rate in force, just before and after, of lines that are revalued; at the order's own rate else. -#}
{% macro rated_changes(coding) -%}
revalued_lines as (
    {%- for name, kind in [('order', 'encumbrance'), ('requisition', 'pre_encumbrance')] %}

    select '{{ kind }}' as commitment_kind, first.record_key
    from {{ name }}_line_first as first
    {{ finance_sync.under_policy(name, 'revaluations', 'first', 'period_end') }}
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

rated as (

    select
        changes.commitment_kind,
        changes.record_key,
        changes.movement_type,
        changes.document_kind,
        changes.document_key,
        changes.place,
        changes.sequence_no,
        {% for column in coding %}changes.{{ column }}, {% endfor %}
        changes.open_before,
        changes.open_after,
        changes.quantity,
        {%- for currency in ['functional', 'group'] %}
        coalesce(after.rate_{{ currency }}, changes.rate_{{ currency }}) as rate_{{ currency }},
        coalesce(before.rate_{{ currency }}, changes.rate_{{ currency }}) as before_rate_{{ currency }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from changes
    left join revalued_lines
        on revalued_lines.record_key = changes.record_key and revalued_lines.commitment_kind = changes.commitment_kind
    {%- for alias, place in [('after', 'changes.place'), ('before', 'changes.place - 1')] %}
    left join period_rates as {{ alias }}
        on revalued_lines.record_key is not null
        and {{ alias }}.legal_entity_id = changes.legal_entity_id
        and {{ alias }}.currency_code = changes.currency_code
        and {{ alias }}.rated_on >= changes.begins_on
        and {{ alias }}.from_place <= {{ place }}
        and ({{ alias }}.to_place is null or {{ alias }}.to_place > {{ place }})
    {%- endfor %}

)
{%- endmacro %}


{#-
  CTE late: per line and coding, what is known now of periods that are not rebuilt less what stands there, on the first day of the next
  period that is rebuilt. Reads `placed`, `touched_order`, `touched_requisition`.
-#}
{% macro late_movements(coding) -%}
{%- set parts = ['commitment_kind', 'record_key', 'fiscal_period_id'] + coding -%}
entity_periods as (

    select
        entity.legal_entity_id,
        period.fiscal_period_id,
        period.starts_on,
        scope.fiscal_period_id is not null as is_rebuilt
    from {{ ref('dim_legal_entity') }} as entity
    inner join {{ ref('dim_fiscal_period') }} as period
        on period.calendar_id = entity.calendar_id and period.kind = 'normal'
    left join {{ source('meta', 'build_scope') }} as scope
        on scope.legal_entity_id = entity.legal_entity_id and scope.fiscal_period_id = period.fiscal_period_id

),

next_rebuilt as (

    select closed.legal_entity_id, closed.fiscal_period_id, min(opened.starts_on) as opens_on
    from entity_periods as closed
    inner join entity_periods as opened
        on opened.legal_entity_id = closed.legal_entity_id and opened.is_rebuilt and opened.starts_on > closed.starts_on
    where not closed.is_rebuilt
    group by closed.legal_entity_id, closed.fiscal_period_id

),

closed_parts as (

    select {{ parts | join(', ') }}, quantity, amount_txn, amount_functional, amount_group
    from placed
    where not {{ finance_sync.in_scope('placed') }}

    union all

    select {{ parts | join(', ') }}, -quantity, -amount_txn, -amount_functional, -amount_group
    from {{ this }} as stored
    where not {{ finance_sync.in_scope('stored') }}
        and (
            (commitment_kind = 'encumbrance' and record_key in (select record_key from touched_order))
            or (commitment_kind = 'pre_encumbrance' and record_key in (select record_key from touched_requisition))
        )

),

late_sums as (

    select
        parts.commitment_kind,
        parts.record_key,
        {% for column in coding %}parts.{{ column }}, {% endfor %}
        next_rebuilt.opens_on,
        sum(parts.quantity) as quantity,
        sum(parts.amount_txn) as amount_txn,
        sum(parts.amount_functional) as amount_functional,
        sum(parts.amount_group) as amount_group
    from closed_parts as parts
    inner join next_rebuilt
        on next_rebuilt.legal_entity_id = parts.legal_entity_id and next_rebuilt.fiscal_period_id = parts.fiscal_period_id
    group by {{ range(1, coding | length + 4) | join(', ') }}

),

late as (

    select
        sums.commitment_kind,
        sums.record_key,
        {% for column in coding %}sums.{{ column }}, {% endfor %}
        sums.opens_on as movement_on,
        'adjust' as movement_type,
        'late' as reason,
        case when sums.commitment_kind = 'encumbrance' then 'order' else 'requisition' end as document_kind,
        sums.record_key as document_key,
        -row_number() over (
            partition by sums.commitment_kind, sums.record_key, sums.opens_on order by {% for column in coding %}sums.{{ column }}{% if not loop.last %}, {% endif %}{% endfor %}
        ) as sequence_no,
        sums.quantity,
        sums.amount_txn,
        sums.amount_functional,
        sums.amount_group,
        coalesce(period.fiscal_period_id, 'UNMAPPED') as fiscal_period_id
    from late_sums as sums
    left join {{ ref('int_entity_day') }} as period
        on period.legal_entity_id = sums.legal_entity_id and period.period_day = sums.opens_on
    where sums.amount_txn <> 0 or sums.amount_functional <> 0 or sums.amount_group <> 0 or sums.quantity <> 0

)
{%- endmacro %}
