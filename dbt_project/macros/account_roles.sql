{#-
  Accounts of a role, by entity and dates (reference account_roles): an entity's own rows of the role replace those without entity.
  Yields legal_entity_id, account_id, valid_from, valid_to; the deployment's rows of one account do not overlap.
-#}
{% macro role_accounts(role) -%}
    select
        entities.legal_entity_id,
        roles.account_id,
        roles.valid_from,
        coalesce(roles.valid_to, date '9999-12-31') as valid_to
    from {{ ref('dim_legal_entity') }} as entities
    inner join {{ source('reference', 'account_roles') }} as roles
        on roles.role = '{{ role }}'
        and (
            roles.legal_entity_id = entities.legal_entity_id
            or (roles.legal_entity_id is null and entities.legal_entity_id not in (
                select own.legal_entity_id from {{ source('reference', 'account_roles') }} as own
                where own.role = '{{ role }}' and own.legal_entity_id is not null
            ))
        )
{%- endmacro %}
