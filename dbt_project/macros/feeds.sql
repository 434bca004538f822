{#-
  What the deployment's staging models supply for a canonical object, each record once, in its latest landed version.

  Output columns: source_system, record_key, batch_id, changed_at, is_deleted, _feed_no (1 = first feed, the system of record)
  and the object's own feed columns (config.meta.feed_columns, generated from the catalog). Optional columns that a staging
  model leaves out are typed NULLs; no feed at all is a typed empty relation.

  versions: `latest`, or `earlier`: all landed versions in scope but the latest. only_versioned leaves out feeds that keep none
  (pulled in full).
-#}
{% macro union_feeds(object, versions='latest', only_versioned=false) -%}
    {%- set feeds = var('feeds', {}).get(object, []) -%}
    {%- set relations = [] -%}
    {%- for feed in feeds -%}{%- do relations.append(ref(feed)) -%}{%- endfor -%}
    {%- if not execute -%}
        select 1 as nothing
    {%- else -%}
        {%- set meta = model.config.meta if 'feed_columns' in model.config.meta else finance_sync.object_meta(object) -%}
        {%- set columns = meta.feed_columns -%}
        {%- set own = finance_sync.feed_own_columns(columns) -%}
        {%- set systems = finance_sync.feed_systems(object) -%}
        {%- if not feeds -%}
            {%- set empty = {'source_system': 'varchar', 'record_key': 'varchar', 'batch_id': 'varchar',
                             'changed_at': 'timestamp', 'is_deleted': 'boolean', '_feed_no': 'integer'} -%}
            {%- for name in own -%}{%- do empty.update({name: columns[name]}) -%}{%- endfor -%}
            {{ finance_sync.typed_empty(empty) }}
        {%- endif -%}
        {%- for feed in feeds -%}
            {%- set relation = relations[loop.index0] -%}
            {%- set supplied = adapter.get_columns_in_relation(relation) | map(attribute='name') | map('lower') | list -%}
            {%- for name in ['source_key', '_batch_id', '_batch_seq', '_deleted'] + (meta.feed_required or []) -%}
                {%- if name not in supplied -%}
                    {{ exceptions.raise_compiler_error(
                        "staging model " ~ feed ~ " supplies no column " ~ name ~ ", which canonical object " ~ object ~ " requires"
                    ) }}
                {%- endif -%}
            {%- endfor -%}
            {%- set place = systems.get(feed) -%}
            {%- if place is none -%}
                {{ exceptions.raise_compiler_error("meta.feed does not say which system staging model " ~ feed ~ " belongs to") }}
            {%- endif -%}
            select
                cast('{{ place.system }}' as varchar) as source_system,
                '{{ place.system }}|' || feed.source_key as record_key,
                feed._batch_id as batch_id,
                {% if 'changed_at' in supplied %}cast(feed.changed_at as timestamp){% else %}cast(null as timestamp){% endif %} as changed_at,
                coalesce(feed._deleted, false) as is_deleted,
                {{ loop.index }} as _feed_no
                {%- for name in own %},
                {% if name in supplied %}cast(feed.{{ name }} as {{ columns[name] }}){% else %}cast(null as {{ columns[name] }}){% endif %} as {{ name }}
                {%- endfor %}
            from {{ relation }} as feed
            {%- set landed = var('landed', {}).get(place.system, {}).get(place.object, {}) %}
            {%- set batches = landed.get('batch_seqs') %}
            {%- set keeps_none = landed.get('full') and (only_versioned or versions == 'earlier') %}
            {%- if keeps_none or (versions == 'earlier' and batches is not none and batches | length <= 1) %}
            where false
            {%- elif batches is none or batches | length > 1 %}
            {#- Latest version wins. Only later batches are looked up, so that a large first batch is never sorted or hashed. #}
            where {{ 'not ' if versions == 'latest' }}exists (
                select 1 from {{ relation }} as later
                where later.source_key = feed.source_key and later._batch_seq > feed._batch_seq
                {%- if batches %} and later._batch_seq > {{ batches | min }}{% endif %}
            )
            {%- endif %}
            {% if not loop.last %}union all{% endif %}
        {% endfor -%}
    {%- endif -%}
{%- endmacro %}


{#- What the catalog says of a canonical object, for models beside the object's own. -#}
{% macro object_meta(object) -%}
    {%- for node in graph.nodes.values() if node.config.meta.object == object -%}
        {{ return(node.config.meta) }}
    {%- endfor -%}
{%- endmacro %}


{#- Feed columns beside those that every feed has. -#}
{% macro feed_own_columns(columns) -%}
    {%- set own = [] -%}
    {%- for name in columns -%}
        {%- if name not in ['source_key', 'changed_at', '_batch_id', '_batch_seq', '_deleted'] -%}
            {%- do own.append(name) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(own) }}
{%- endmacro %}


{#- staging model -> {system, object}, from meta.feed. -#}
{% macro feed_systems(object) -%}
    {%- set places = {} -%}
    {%- set rows = run_query(
        "select staging_model, system, object from " ~ source('meta', 'feed') ~ " where canonical_object = '" ~ object ~ "'"
    ) -%}
    {%- for row in rows -%}{%- do places.update({row[0]: {'system': row[1], 'object': row[2]}}) -%}{%- endfor -%}
    {{ return(places) }}
{%- endmacro %}


{#-
  The records that a fact takes up in this build, as columns source_system, record_key, batch_id, changed_at, is_deleted and
  the feed's own. On a first build: what is landed. Later: what is newly landed, and of the fact itself
    - records with a member UNMAPPED, or outside the calendar, for which the code may be known by now,
    - records of open periods whose rates are others than those known now (missing before, or a nearer rate came).
  Records are fed again from the source codes that facts keep, so that one path of logic makes every row.

  outdated: predicate over the fact's alias `t` for the second kind, with `joins` to decide it; none when nothing is converted.
  sums: columns to add up per record when the fact holds several rows of it (budget spread).
-#}
{% macro fact_feed(object, dimensions, joins='', outdated=none, sums=[]) -%}
    {%- if not execute or not is_incremental() -%}
        {{ finance_sync.union_feeds(object) }}
    {%- else -%}
        {%- set own = finance_sync.feed_own_columns(model.config.meta.feed_columns) -%}
        select * from (
            {{ finance_sync.union_feeds(object) }}
        ) as incoming
        union all
        select
            t.source_system,
            t.record_key,
            t.batch_id,
            t.changed_at,
            t.is_deleted,
            1 as _feed_no
            {%- for name in own %},
            {% if name in sums %}sum(t.{{ name }}){% else %}t.{{ name }}{% endif %} as {{ name }}
            {%- endfor %}
        from {{ this }} as t
        {{ joins if not sums }}
        where (
            {% if sums -%}
            t.record_key in (
                select t.record_key from {{ this }} as t {{ joins }}
                where {{ finance_sync.is_unsettled('t', dimensions) }}
                {%- if outdated %} or ({{ finance_sync.in_scope('t') }} and ({{ outdated }})){% endif %}
            )
            {%- else -%}
            {{ finance_sync.is_unsettled('t', dimensions) }}
            {%- if outdated %}
            or ({{ finance_sync.in_scope('t') }} and ({{ outdated }})){% endif %}
            {%- endif %}
        )
        and t.record_key not in (select incoming.record_key from ({{ finance_sync.union_feeds(object) }}) as incoming)
        {%- if sums %}
            {%- set places = [1, 2, 3, 4, 5, 6] -%}
            {%- for name in own if name not in sums -%}{%- do places.append(7 + own.index(name)) -%}{%- endfor %}
        group by {{ places | join(', ') }}
        {%- endif %}
    {%- endif -%}
{%- endmacro %}


{#- Predicate: a code of the record had no counterpart, or its date no period, when the record was last looked at. -#}
{% macro is_unsettled(alias, dimensions) -%}
    {{ alias }}.fiscal_period_id = 'UNMAPPED'
    {%- for kind in dimensions %} or {{ alias }}.{{ kind }}_id = 'UNMAPPED'{% endfor %}
{%- endmacro %}
