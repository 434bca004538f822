{#-
  From the versions of lines and what their documents bring to the changes of their balances, for one kind of line: CTEs from
  <name>_line_last to <name>_line_changes. On the way a line is its key, a version's number and what balances are made of; coding and
  rates are looked up in the version at the end, since carrying them through every step would take twice as long. Reads <name>_line_versions, <name>_line_basis and <name>_documents.

  spec: name (order or requisition), begins (obligate or reserve), begun and open (lists of statuses), digits (expression over alias
  `lines`: decimals in which it is relieved).
-#}
{% macro line_changes(spec, policies, coding) -%}
{%- set name = spec.name %}
-- 3. {{ name }} lines: when they begin and end. One that ended without saying when ended with the last that came for it.
{{ name }}_line_last as (

    select record_key, max(document_on) as document_on from {{ name }}_documents group by record_key

),

{{ name }}_line_begun as (

    select
        versions.record_key,
        versions.version_no,
        versions.has_history,
        versions.legal_entity_id,
        versions.currency_code,
        versions.approved_on,
        versions.changed_on,
        versions.amount_txn,
        case
            when versions.is_deleted then null
            when versions.line_status in ({{ spec.begun }}) then coalesce(
                versions.approved_on,
                case when versions.version_no > 1 then greatest(versions.first_on, versions.changed_on) else versions.first_on end
            )
            when versions.line_status in ('cancelled', 'rejected') then versions.approved_on
        end as begins_on,
        not versions.is_deleted and (
            versions.line_status in ({{ spec.open }})
            {%- if name == 'requisition' %}
            -- ordered in full: nothing is left to come, whatever the orders amount to
            or (versions.line_status = 'ordered' and last.document_on is null)
            {%- endif %}
        ) as is_open,
        case
            when versions.is_deleted then versions.changed_on
            when versions.line_status in ('closed', 'cancelled', 'rejected') then coalesce(
                versions.closed_on, case when versions.version_no > 1 then versions.changed_on else last.document_on end
            )
            {%- if name == 'requisition' %}
            when versions.line_status = 'ordered' then last.document_on
            {%- endif %}
            else versions.changed_on
        end as effective_on,
        basis.is_quantity,
        case when basis.is_quantity then coalesce(versions.quantity, 0) else versions.amount_net_txn end as whole,
        coalesce(currency.minor_units, 4) as minor_units
    from {{ name }}_line_versions as versions
    inner join {{ name }}_line_basis as basis on basis.record_key = versions.record_key
    left join {{ name }}_line_last as last on last.record_key = versions.record_key
    left join {{ ref('dim_currency') }} as currency on currency.currency_code = versions.currency_code

),

{{ name }}_line_first as (

    select begun.*
    from {{ name }}_line_begun as begun
    where not begun.has_history and begun.begins_on is not null

    union all

    select begun.*
    from {{ name }}_line_begun as begun
    inner join (
        select record_key, min(version_no) as version_no
        from {{ name }}_line_begun
        where has_history and begins_on is not null
        group by record_key
    ) as first_begun on first_begun.record_key = begun.record_key and first_begun.version_no = begun.version_no

),

-- 4. steps: each version from its place to the next one's. Of a line without history these are its begin and its end.
{{ name }}_line_raw_steps as (

    select first.*, first.begins_on as step_on, true as is_open_step, 2 * first.version_no as step_no
    from {{ name }}_line_first as first

    union all

    select
        first.*,
        greatest(first.begins_on, coalesce(first.effective_on, first.begins_on)) as step_on,
        false as is_open_step,
        2 * first.version_no + 1 as step_no
    from {{ name }}_line_first as first
    where not first.is_open

    union all

    select
        later.*,
        -- opened again: on the day of its new approval, where it states one
        case
            when later.is_open and not before.is_open and later.approved_on is distinct from before.approved_on
                then coalesce(later.approved_on, later.changed_on)
            else coalesce(later.effective_on, later.changed_on)
        end as step_on,
        later.is_open as is_open_step,
        2 * later.version_no as step_no
    from {{ name }}_line_begun as later
    inner join {{ name }}_line_first as first on first.record_key = later.record_key and first.version_no < later.version_no
    inner join {{ name }}_line_begun as before
        on before.record_key = later.record_key and before.version_no = later.version_no - 1
    where later.has_history

),

{{ name }}_line_placed_steps as (

    select steps.*, {{ finance_sync.place('steps.step_on', 'case when steps.is_open_step then 1 else 3 end') }} as place
    from {{ name }}_line_raw_steps as steps
    where not steps.has_history

    union all

    -- a version never takes effect before the one that it replaced
    select
        steps.*,
        max({{ finance_sync.place('steps.step_on', 'case when steps.is_open_step then 1 else 3 end') }}) over (
            partition by steps.record_key order by steps.step_no rows between unbounded preceding and current row
        ) as place
    from {{ name }}_line_raw_steps as steps
    where steps.has_history

),
{%- if policies.lapse %}

{{ finance_sync.lapsed_steps(name) }},
{%- endif %}

{{ name }}_line_steps as (

    select
        steps.*,
        case
            when steps.is_open_step and not steps.is_open then
                {{ finance_sync.place('greatest(steps.begins_on, coalesce(steps.effective_on, steps.begins_on))', 3) }}
        end as next_place,
        cast(null as bigint) as step_before
    from {{ name ~ ('_line_kept' if policies.lapse else '_line_placed') }}_steps as steps
    where not steps.has_history
        {%- if policies.lapse %} and steps.record_key not in (select record_key from {{ name }}_line_lapses){% endif %}

    union all

    select
        steps.*,
        lead(steps.place) over in_order as next_place,
        lag(steps.step_no) over in_order as step_before
    from {{ name ~ ('_line_kept' if policies.lapse else '_line_placed') }}_steps as steps
    where steps.has_history
        {%- if policies.lapse %} or steps.record_key in (select record_key from {{ name }}_line_lapses){% endif %}
    window in_order as (partition by steps.record_key order by steps.place, steps.step_no)

),

-- 5. what has come: up to each document, and up to each step. Never before the line began.
{{ name }}_line_arrivals as (

    select
        documents.record_key,
        documents.document_kind,
        documents.document_key,
        documents.part,
        {{ finance_sync.place('greatest(documents.document_on, first.begins_on)', 2) }} as place
    from {{ name }}_documents as documents
    inner join {{ name }}_line_first as first on first.record_key = documents.record_key
    where documents.part <> 0

),

{{ name }}_line_running as (

    select
        arrivals.*,
        sum(arrivals.part) over (
            partition by arrivals.record_key
            order by arrivals.place, arrivals.document_key collate "C"
            rows between unbounded preceding and current row
        ) as came
    from {{ name }}_line_arrivals as arrivals

),

{{ name }}_line_came as (

    select steps.record_key, steps.step_no, sum(arrivals.part) as came
    from {{ name }}_line_steps as steps
    inner join {{ name }}_line_arrivals as arrivals
        on arrivals.record_key = steps.record_key and arrivals.place < steps.place
    where not steps.is_open_step or steps.step_before is not null
    group by steps.record_key, steps.step_no

),

-- 6. changes of the balance. A document relieves at the order's price, tax pro rata: what was left before less what is left after it,
--    so that roundings fall to the last. What comes after the end relieves nothing, but has come if the line is opened again.
{{ name }}_line_met as (

    select
        running.record_key,
        running.document_kind,
        running.document_key,
        running.place,
        lines.begins_on,
        lines.version_no,
        lines.amount_txn,
        lines.whole,
        lines.is_quantity,
        {{ spec.digits }} as digits,
        {{ finance_sync.between_nothing_and('lines.whole', 'running.came') }} as done,
        {{ finance_sync.between_nothing_and('lines.whole', 'running.came - running.part') }} as done_before
    from {{ name }}_line_running as running
    inner join {{ name }}_line_steps as lines
        on lines.record_key = running.record_key
        and lines.is_open_step
        and lines.place <= running.place
        and (lines.next_place is null or lines.next_place > running.place)

),

{{ name }}_line_stood as (

    select
        lines.*,
        {{ spec.digits }} as digits,
        {{ finance_sync.between_nothing_and('lines.whole', 'coalesce(came.came, 0)') }} as done,
        coalesce(came.came, 0) as came
    from {{ name }}_line_steps as lines
    left join {{ name }}_line_came as came on came.record_key = lines.record_key and came.step_no = lines.step_no

),

{{ name }}_line_turned as (

    select
        after.*,
        before.is_open_step as was_open,
        before.version_no as before_version_no,
        before.is_open_step and after.is_open_step
        {%- for column in coding + ['rate_functional', 'rate_group'] %}
        and before_version.{{ column }} is not distinct from after_version.{{ column }}
        {%- endfor %} as is_same_coding,
        before.is_quantity as before_is_quantity,
        before.whole as before_whole,
        before.amount_txn as before_amount_txn,
        before.digits as before_digits,
        {{ finance_sync.between_nothing_and('before.whole', 'after.came') }} as before_done
    from {{ name }}_line_stood as after
    inner join {{ name }}_line_stood as before
        on before.record_key = after.record_key and before.step_no = after.step_before
    inner join {{ name }}_line_versions as after_version
        on after_version.record_key = after.record_key and after_version.version_no = after.version_no
    inner join {{ name }}_line_versions as before_version
        on before_version.record_key = before.record_key and before_version.version_no = before.version_no
    where after.is_open_step or before.is_open_step

),

{% if policies.any %}
-- at the ends of periods and years
{{ finance_sync.marked_changes(name, policies, spec.digits) }},
{% endif %}
{{ name }}_line_moves as (

    select
        record_key,
        version_no,
        case when (done > done_before) = (whole > 0) then 'relieve' else 'reinstate' end as movement_type,
        document_kind,
        document_key,
        place,
        0 as sequence_no,
        begins_on,
        {{ finance_sync.left_of('amount_txn', 'done_before', 'whole', 'digits') }} as open_before,
        {{ finance_sync.left_of('amount_txn', 'done', 'whole', 'digits') }} as open_after,
        case when is_quantity then done_before - done end as quantity
    from {{ name }}_line_met
    where done <> done_before

    union all

    -- it begins
    select
        record_key, version_no, '{{ spec.begins }}', '{{ name }}', record_key, place, step_no, begins_on,
        cast(0 as numeric(18,4)), amount_txn,
        case when is_quantity then whole end
    from {{ name }}_line_steps
    where is_open_step and step_before is null

    union all

    -- it ends, having had one version only
    select
        record_key, version_no, 'release', '{{ name }}', record_key, place, step_no, begins_on,
        {{ finance_sync.left_of('amount_txn', 'done', 'whole', 'digits') }}, cast(0 as numeric(18,4)),
        case when is_quantity then done - whole end
    from {{ name }}_line_stood
    where step_before is null and not is_open_step

    union all

    -- another version: the balance under it; re-coded, nothing is left under the old coding
    select
        record_key,
        version_no,
        case when not was_open then '{{ spec.begins }}' else 'adjust' end,
        '{{ name }}', record_key, place, 2 * step_no + 1, begins_on,
        case
            when is_same_coding then {{ finance_sync.left_of('before_amount_txn', 'before_done', 'before_whole', 'before_digits') }} else 0
        end,
        {{ finance_sync.left_of('amount_txn', 'done', 'whole', 'digits') }},
        case when is_quantity then whole - done end
        - case when is_same_coding and before_is_quantity then before_whole - before_done else 0 end
    from {{ name }}_line_turned
    where is_open_step

    union all

    select
        record_key,
        before_version_no,
        case when is_open_step then 'adjust' else 'release' end,
        '{{ name }}', record_key, place, 2 * step_no, begins_on,
        {{ finance_sync.left_of('before_amount_txn', 'before_done', 'before_whole', 'before_digits') }}, cast(0 as numeric(18,4)),
        case when before_is_quantity then before_done - before_whole end
    from {{ name }}_line_turned
    where was_open and not is_same_coding
    {%- if policies.any %}

    union all

    select * from {{ name }}_line_marked
    {%- endif %}

),

{{ name }}_line_changes as (

    select
        moves.record_key,
        moves.movement_type,
        moves.document_kind,
        moves.document_key,
        moves.place,
        moves.sequence_no,
        moves.begins_on,
        {% for column in coding %}versions.{{ column }}, {% endfor %}
        versions.rate_functional,
        versions.rate_group,
        {{ finance_sync.short_rate('versions.rate_functional') }} as short_rate_functional,
        {{ finance_sync.short_rate('versions.rate_group') }} as short_rate_group,
        moves.open_before,
        moves.open_after,
        moves.quantity
    from {{ name }}_line_moves as moves
    inner join {{ name }}_line_versions as versions
        on versions.record_key = moves.record_key and versions.version_no = moves.version_no

)
{%- endmacro %}


{#- What a change comes to in a currency: the balance after and before, each at its rate. -#}
{% macro converted_change(currency, revalues) -%}
    {%- if revalues -%}
    {{ finance_sync.times('changes.open_after', 'changes.rate_' ~ currency) }}
        - {{ finance_sync.times('changes.open_before', 'changes.before_rate_' ~ currency) }}
    {%- else -%}
    {{ finance_sync.at_rate('changes.open_after', 'changes', currency) }}
        - {{ finance_sync.at_rate('changes.open_before', 'changes', currency) }}
    {%- endif -%}
{%- endmacro %}
