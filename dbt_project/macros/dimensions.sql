{#-
  Records of a dimension's feeds with their canonical ids, one row per id.

  A system whose codes are canonical (mapping mode identity) names the member itself; one whose codes are mapped names it
  through the crosswalk row that holds on the business date, and names nothing where there is none or more than one.
  Where several records name a member, one that still exists comes before a deleted one, a system of identity codes before
  a mapped one, then the order of the feeds: attributes of the system of record win.
-#}
{% macro dimension_members(object, parent=none, entity=false) -%}
    with fed as (

        {{ finance_sync.union_feeds(object) }}

    ),

    identified as (

        select
            fed.*,
            coalesce(mapping.mode, 'identity') as mapping_mode,
            case
                when mapping.mode = 'mapped' then {{ finance_sync.single_target('own') }} else fed.{{ object }}_code
            end as {{ object }}_id
            {%- if parent %},
            case
                when mapping.mode = 'mapped' then {{ finance_sync.single_target('parent') }} else fed.{{ parent }}_code
            end as {{ parent }}_id
            {%- endif %}
            {%- if entity %},
            case
                when entity_mapping.mode = 'mapped' then {{ finance_sync.single_target('entity') }} else fed.entity_code
            end as legal_entity_id
            {%- endif %}
        from fed
        left join {{ source('meta', 'system_mapping') }} as mapping
            on mapping.system = fed.source_system and mapping.kind = '{{ object }}'
        {{ finance_sync.crosswalk_join('own', object, object ~ '_code') }}
        {%- if parent %}
        {{ finance_sync.crosswalk_join('parent', object, parent ~ '_code') }}
        {%- endif %}
        {%- if entity %}
        left join {{ source('meta', 'system_mapping') }} as entity_mapping
            on entity_mapping.system = fed.source_system and entity_mapping.kind = 'legal_entity'
        {{ finance_sync.crosswalk_join('entity', 'legal_entity', 'entity_code') }}
        {%- endif %}

    ),

    members as (

        select
            identified.*,
            row_number() over (
                partition by {{ object }}_id
                order by is_deleted, mapping_mode, _feed_no, record_key collate "C"
            ) as precedence
        from identified
        where {{ object }}_id is not null and {{ object }}_id not in ('UNMAPPED', 'NONE', 'ALL')

    )
{%- endmacro %}


{% macro single_target(alias) -%}
    case when {{ alias }}.candidates = 1 then {{ alias }}.canonical_code end
{%- endmacro %}


{% macro crosswalk_join(alias, kind, code) -%}
    left join {{ ref('int_crosswalk') }} as {{ alias }}
            on {{ alias }}.system = fed.source_system and {{ alias }}.kind = '{{ kind }}'
            and {{ alias }}.source_code = fed.{{ code }}
            and {{ alias }}.valid_from <= {{ finance_sync.as_of() }} and {{ alias }}.valid_to >= {{ finance_sync.as_of() }}
{%- endmacro %}


{#- The business date of the run, as a SQL date. -#}
{% macro as_of() -%}
    cast('{{ var("as_of") }}' as date)
{%- endmacro %}


{#-
  Joins a fact's source code to its canonical id (int_code_map) on the fact's date, and the id that comes of it.
  int_code_map never has two rows for a code on a day, so that the join cannot fan out.
-#}
{% macro code_join(kind, code, fact_date, alias='fed') -%}
    left join {{ ref('int_code_map') }} as {{ kind }}_map
            on {{ kind }}_map.kind = '{{ kind }}'
            and {{ kind }}_map.system = {{ alias }}.source_system
            and {{ kind }}_map.source_code = {{ alias }}.{{ code }}
            and {{ kind }}_map.valid_from <= {{ fact_date }}
            and {{ kind }}_map.valid_to >= {{ fact_date }}
{%- endmacro %}

{% macro mapped_id(kind, code, alias='fed') -%}
    case
                when {{ alias }}.{{ code }} is null then {% if kind == 'legal_entity' %}'UNMAPPED'{% else %}'NONE'{% endif %}
                when {{ kind }}_map.canonical_id is not null then {{ kind }}_map.canonical_id
                {%- if kind != 'legal_entity' and not finance_sync.is_fed(kind) %}
                {#- Nobody supplies this dimension: an identity system's code stands for itself. #}
                when {{ alias }}.source_system in (
                    select mapping.system from {{ source('meta', 'system_mapping') }} as mapping
                    where mapping.kind = '{{ kind }}' and mapping.mode = 'identity'
                ) then {{ alias }}.{{ code }}
                {%- endif %}
                else 'UNMAPPED'
            end
{%- endmacro %}
