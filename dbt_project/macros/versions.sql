{#-
  The rows of a fact whose records are documents (requisition, order, receipt and invoice lines), and of the model that keeps
  their earlier versions: one path of logic makes both. CTEs from `fed` to `final`.

  fact_date: column that decides crosswalk, period and rates. amount: expression of amount_txn; none where the feed supplies it.
  is_converted: false for documents without amounts of their own (receipts: what they are worth is the order's matter).
-#}
{% macro document_rows(dimensions, fact_date, amount=none, is_converted=true) -%}
-- source codes to canonical ids, as they hold on the fact's date
mapped as (

    select
        fed.*
        {%- for kind in dimensions %},
        {{ finance_sync.mapped_id(kind, finance_sync.code_of(kind)) }} as {{ kind }}_id
        {%- endfor %}
    from fed
    {%- for kind in dimensions %}
    {{ finance_sync.code_join(kind, finance_sync.code_of(kind), 'fed.' ~ fact_date) }}
    {%- endfor %}

),

-- fiscal period of the entity's calendar, and the rates of the day
dated as (

    select
        mapped.*,
        {%- if amount %}
        cast({{ amount }} as numeric(18,4)) as amount_txn,
        {%- endif %}
        coalesce(entity_day.fiscal_period_id, 'UNMAPPED') as fiscal_period_id,
        entity_day.fiscal_year
        {%- if is_converted %},
        {{ finance_sync.converted_rates('mapped', 'mapped.' ~ fact_date) }}
        {%- endif %}
    from mapped
    left join {{ ref('int_entity_day') }} as entity_day
        on entity_day.legal_entity_id = mapped.legal_entity_id and entity_day.period_day = mapped.{{ fact_date }}
    {% if is_converted %}{{ finance_sync.rate_joins('mapped', 'mapped.' ~ fact_date) }}{% endif %}

),

-- amounts in functional and group currency
final as (

    select
        dated.*
        {%- if is_converted %},
        {{ finance_sync.converted('dated.amount_txn', 'dated', 'functional') }} as amount_functional,
        {{ finance_sync.converted('dated.amount_txn', 'dated', 'group') }} as amount_group
        {%- endif %}
    from dated

)
{%- endmacro %}


{% macro code_of(kind) -%}
    {{ return('entity_code' if kind == 'legal_entity' else kind ~ '_code') }}
{%- endmacro %}


{#-
  The versions that a later batch has replaced, in this build: of the batches in scope all but the latest of each record; and, on
  a night, what stands in the fact (which is built after this model) and is about to be replaced. Versions whose codes or rates
  can be settled only now are fed again, as the fact's are. The landing log keeps unchanged records out, so every version differs.
  An object pulled in full has no versions: only its last batch counts. Of records joined from two objects at the source (head
  and line) the versions are those of the line.
-#}
{% macro version_feed(object, fact, dimensions, joins='', outdated=none) -%}
    {%- if not execute -%}
        {{ finance_sync.union_feeds(object) }}
    {%- else -%}
        {%- set own = finance_sync.feed_own_columns(model.config.meta.feed_columns) -%}
        {%- set systems = finance_sync.feed_systems(object) -%}
        {%- set ns = namespace(sees=false) -%}
        {%- set present = none -%}
        {%- if is_incremental() -%}
            {%- set present = adapter.get_relation(this.database, this.schema, fact) -%}
        {%- endif %}
        select * from (
            {{ finance_sync.union_feeds(object, versions='earlier') }}
        ) as replaced
        {%- if is_incremental() %}
        {%- if present %}
        union all
        select
            {{ finance_sync.fed_again('t', own) }}
        from {{ present }} as t
        inner join (
            {{ finance_sync.union_feeds(object, only_versioned=true) }}
        ) as incoming on incoming.record_key = t.record_key and t.batch_id < incoming.batch_id
        where not exists (
            select 1 from (
                {{ finance_sync.union_feeds(object, versions='earlier') }}
            ) as replaced
            where replaced.record_key = t.record_key and replaced.batch_id = t.batch_id
        )
        {%- endif %}
        union all
        select
            {{ finance_sync.fed_again('t', own) }}
        from {{ this }} as t
        {{ joins }}
        where ({{ finance_sync.is_unsettled('t', dimensions) }}
            {%- if outdated %} or ({{ finance_sync.in_scope('t') }} and ({{ outdated }})){% endif %})
            and not exists (
                select 1 from (
                    {{ finance_sync.union_feeds(object, versions='earlier') }}
                ) as replaced
                where replaced.record_key = t.record_key and replaced.batch_id = t.batch_id
            )
        {%- endif %}
    {%- endif -%}
{%- endmacro %}


{#- The columns of a feed, read back from a fact that keeps them. -#}
{% macro fed_again(alias, own) -%}
    {{ alias }}.source_system,
            {{ alias }}.record_key,
            {{ alias }}.batch_id,
            {{ alias }}.changed_at,
            {{ alias }}.is_deleted,
            1 as _feed_no
            {%- for name in own %},
            {{ alias }}.{{ name }}
            {%- endfor %}
{%- endmacro %}
