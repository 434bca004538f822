{#-
  Conversion of documents (SPEC 3): rate type spot (plan for budgets) on the fact's date, directly from the transaction currency
  to the entity's functional and to the group's currency. The nearest rate on or before the date holds for 45 days; a currency
  converts to itself at 1. No rate: no amount, and C19 says so. Converted amounts are kept at four decimals.
  Needs aliases: the fact, `entity` (dim_legal_entity), and the joins made here (`to_functional`, `to_group`).
-#}
{% macro rate_joins(alias, fact_date, rate_type="'spot'") -%}
    left join {{ ref('dim_legal_entity') }} as entity
            on entity.legal_entity_id = {{ alias }}.legal_entity_id
        left join {{ ref('dim_exchange_rate') }} as to_functional
            on to_functional.rate_type = {{ rate_type }}
            and to_functional.from_currency = {{ alias }}.currency_code
            and to_functional.to_currency = entity.functional_currency
            and to_functional.rate_day = {{ fact_date }}
        left join {{ ref('dim_exchange_rate') }} as to_group
            on to_group.rate_type = {{ rate_type }}
            and to_group.from_currency = {{ alias }}.currency_code
            and to_group.to_currency = '{{ var("group_currency") }}'
            and to_group.rate_day = {{ fact_date }}
{%- endmacro %}

{% macro functional_rate(alias) -%}
    case when {{ alias }}.currency_code = entity.functional_currency then 1 else to_functional.rate end
{%- endmacro %}

{% macro group_rate(alias) -%}
    case when {{ alias }}.currency_code = '{{ var("group_currency") }}' then 1 else to_group.rate end
{%- endmacro %}

{#- An amount in functional or group currency, from the rates as columns of `alias` (converted_rates). -#}
{% macro converted(amount, alias, target) -%}
    {{ finance_sync.times_short(amount, alias ~ '.rate_' ~ target, alias ~ '.short_rate_' ~ target) }}
{%- endmacro %}

{#- The rates of a document as columns, for `converted`: rate_functional, rate_group, rate_date and the short forms. -#}
{% macro converted_rates(alias, fact_date) -%}
    {{ finance_sync.functional_rate(alias) }} as rate_functional,
        case when {{ alias }}.currency_code = entity.functional_currency then 1 else to_functional.short_rate end
            as short_rate_functional,
        {{ finance_sync.group_rate(alias) }} as rate_group,
        case when {{ alias }}.currency_code = '{{ var("group_currency") }}' then 1 else to_group.short_rate end
            as short_rate_group,
        {{ finance_sync.rate_date(fact_date) }} as rate_date
{%- endmacro %}

{#- The older of the dates of the rates used; the fact's own date where nothing had to be looked up. -#}
{% macro rate_date(fact_date) -%}
    coalesce(least(to_functional.rate_date, to_group.rate_date), {{ fact_date }})
{%- endmacro %}

{#- Predicate over the fact itself (alias t): its rates are others than those known now. -#}
{% macro rates_outdated() -%}
    t.rate_functional is distinct from cast({{ finance_sync.functional_rate('t') }} as numeric(18,10))
    or t.rate_group is distinct from cast({{ finance_sync.group_rate('t') }} as numeric(18,10))
{%- endmacro %}

{#- The same for ledger lines and balances: from functional to group currency on the fact's date (aliases t, entity, entity_day). -#}
{% macro ledger_rate_outdated() -%}
    t.rate_group is distinct from cast(
        case when entity.functional_currency = '{{ var("group_currency") }}' then 1 else entity_day.rate_group end
        as numeric(18,10)
    )
{%- endmacro %}


{#- Budgets are converted at plan rates; a deployment that has none at all converts them at spot. -#}
{% macro plan_rate_type() -%}
    (
                select case when count(*) > 0 then 'plan' else 'spot' end
                from {{ source('reference', 'rates') }} as plan_rates where plan_rates.rate_type = 'plan'
            )
{%- endmacro %}

{#- Day on which a budget line's entity code is looked up: its own date, else the first of January of its fiscal year. -#}
{% macro entity_date() -%}
    coalesce(fed.budget_date, cast(cast(coalesce(fed.fiscal_year, 1900) as varchar) || '-01-01' as date))
{%- endmacro %}
