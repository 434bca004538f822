{#-
  The commitment sub-ledger (SPEC 5), in parts that order lines and requisition lines share. A line's balance is a function of what
  is known at an event: the version in force, and what has come so far. A movement is the balance after less the balance before, so
  that balances add up by construction.

  Place of an event: a number that orders by day, then by what comes first on a day.
    0 carry_in · 1 a version that is open · 2 a document · 3 a version that ends the line · 4 revalue · 5 carry_out, lapse
-#}
{% macro place(day, rank) -%}
    (cast({{ day }} - date '1970-01-01' as bigint) * 10 + {{ rank }})
{%- endmacro %}

{% macro day_of_place(place) -%}
    (date '1970-01-01' + cast(({{ place }} - mod({{ place }}, 10)) / 10 as integer))
{%- endmacro %}


{#- Between nothing and the whole, whichever sign the whole has. -#}
{% macro between_nothing_and(whole, came) -%}
    cast(case
            when {{ whole }} >= 0 then least(greatest({{ came }}, 0), {{ whole }})
            else greatest(least({{ came }}, 0), {{ whole }})
        end as numeric(18,4))
{%- endmacro %}


{#- What is left of an amount when `done` of `whole` has come; where nothing measures it (whole is 0), all of it. -#}
{% macro left_of(amount, done, whole, digits) -%}
    case
            when {{ whole }} = 0 or {{ done }} = 0 then {{ amount }}
            when {{ done }} = {{ whole }} then 0
            else {{ amount }} - {{ finance_sync.pro_rata(amount, done, whole, digits) }}
        end
{%- endmacro %}


{#- The balance converted: rate columns of `alias`, NULL without a rate. -#}
{% macro at_rate(amount, alias, target) -%}
    {{ finance_sync.times_short(amount, alias ~ '.rate_' ~ target, alias ~ '.short_rate_' ~ target) }}
{%- endmacro %}

{% macro short_rate(rate) -%}
    case when {{ rate }} = cast({{ rate }} as numeric(18,6)) then cast({{ rate }} as numeric(18,6)) end
{%- endmacro %}


{#- The coding that a movement bears. -#}
{% macro coding_columns() -%}
    {{ return(['legal_entity_id', 'cost_center_id', 'account_id', 'project_id'] + finance_sync.segment_columns() + ['currency_code']) }}
{%- endmacro %}


{#- Day on which a batch was pulled, by system and batch: from when on a version without a change time holds. -#}
{% macro batch_days() -%}
    select
        system,
        batch_id,
        min(coalesce(business_date, cast(pulled_at as date))) as batch_day
    from {{ source('meta', 'batch') }}
    group by system, batch_id
{%- endmacro %}


{#- Business day of a version's change: the source's change time on its own clock, else (and for what is gone) the batch's. -#}
{% macro version_day(fallback) -%}
    coalesce(
            case when not versions.is_deleted then cast(
                timezone(coalesce(systems.time_zone, 'UTC'), timezone('UTC', versions.changed_at)) as date
            ) end,
            batches.batch_day,
            {{ fallback }}
        )
{%- endmacro %}


{#- A select list of names, or of [name, expression]. -#}
{% macro named(columns) -%}
    {%- for column in columns -%}
    {%- if column is string %}{{ column }}{% else %}{{ column[1] }} as {{ column[0] }}{% endif %}{% if not loop.last %}, {% endif %}
    {%- endfor -%}
{%- endmacro %}


{#-
  All landed versions of the records of a fact whose keys `keys` selects, numbered in order of landing, the present one last, with the day
  of their change. fallback: day for a version of which neither is known.
-#}
{% macro numbered_versions(fact, keys, columns, fallback) -%}
    select
        versions.*,
        {{ finance_sync.version_day('versions.' ~ fallback) }} as changed_on,
        row_number() over (
            partition by versions.record_key order by versions.is_present, versions.batch_id collate "C"
        ) as version_no
    from (
        select {{ finance_sync.named(columns) }}, false as is_present from {{ ref(fact ~ '_version') }}
        where record_key in ({{ keys }})
        union all
        select {{ finance_sync.named(columns) }}, true as is_present from {{ ref(fact) }}
        where record_key in ({{ keys }})
    ) as versions
    left join batch_days as batches
        on batches.system = versions.source_system and batches.batch_id = versions.batch_id
    left join {{ source('meta', 'system') }} as systems on systems.system = versions.source_system
{%- endmacro %}


{#-
  CTEs <name>_moves: what documents of a fact bring to the lines that they name, one row per document, line and day. A document counts
  from its posting date while `counts` holds of its version; what a later version changes or undoes, it does on the day of the change.

  line: CTE of the lines (alias `lines`). joins: on which line a document falls. part: what it brings.
-#}
{% macro document_moves(name, fact, line, date, counts, columns, joins, part, point=none) -%}
{%- set columns = ['record_key', 'source_system', 'batch_id', 'changed_at', 'is_deleted', date] + columns %}
{%- set relieves %}
    inner join {{ line }} as lines
        on {{ joins }}
    {%- if point %}
    inner join relief_points
        on relief_points.legal_entity_id = lines.legal_entity_id
        and relief_points.line_type = lines.line_type
        and relief_points.policy_date = lines.first_on
        and relief_points.policy_value = '{{ point }}'
    {%- endif %}
{%- endset %}
{{ name }}_changed as (

    select documents.record_key from {{ ref(fact ~ '_version') }} as documents
    {{ relieves }}
    union
    select documents.record_key from {{ ref(fact) }} as documents
    {{ relieves }}
    where documents.record_key in (select record_key from {{ ref(fact ~ '_version') }})

),

{{ name }}_versions as (

    {{ finance_sync.numbered_versions(fact, 'select record_key from ' ~ name ~ '_changed', columns, date) }}

),

{{ name }}_intervals as (

    select
        documents.*,
        case when version_no = first_no then {{ date }} else greatest({{ date }}, changed_on) end as starts_on
    from (
        select
            documents.*,
            not is_deleted and ({{ counts }}) as is_counting,
            min(case when not is_deleted and ({{ counts }}) then version_no end) over (partition by record_key) as first_no,
            lead(changed_on) over (partition by record_key order by version_no) as next_changed_on
        from {{ name }}_versions as documents
    ) as documents
    where is_counting

),

{{ name }}_moves as (

    select
        lines.record_key,
        '{{ name }}' as document_kind,
        documents.record_key as document_key,
        documents.{{ date }} as document_on,
        {{ part }} as part
    from {{ ref(fact) }} as documents
    {{ relieves }}
    where not documents.is_deleted and ({{ counts }})
        and documents.record_key not in (select record_key from {{ ref(fact ~ '_version') }})

    union all

    select record_key, document_kind, document_key, document_on, cast(sum(part) as numeric(18,4)) as part
    from (
        select
            lines.record_key,
            '{{ name }}' as document_kind,
            documents.record_key as document_key,
            case when undoing.sign = 1 then documents.starts_on else greatest(documents.starts_on, documents.next_changed_on) end
                as document_on,
            undoing.sign * {{ part }} as part
        from {{ name }}_intervals as documents
        {{ relieves }}
        inner join (select 1 as sign union all select -1 as sign) as undoing
            on undoing.sign = 1 or documents.next_changed_on is not null
    ) as changes
    group by record_key, document_kind, document_key, document_on
    having sum(part) <> 0

)
{%- endmacro %}
