{#-
  System whose orders a receipt or invoice means: its own, where that has orders; else the only system that has them.
  (Invoices often stand in the ledger's payables while orders stand in procurement.)
-#}
{% macro order_system(alias) -%}
    case
            when {{ alias }}.source_system in (
                select feed.system from {{ source('meta', 'feed') }} as feed where feed.canonical_object = 'purchase_order_line'
            ) then {{ alias }}.source_system
            else (
                select case when count(distinct feed.system) = 1 then min(feed.system) end
                from {{ source('meta', 'feed') }} as feed where feed.canonical_object = 'purchase_order_line'
            )
        end
{%- endmacro %}


{#-
  Keys of the order lines that this build has to look at again: one of their days, or of their receipts' or invoices', lies in a
  period that is rebuilt. `stored`: a table of earlier results whose rows in those periods are looked at too, since a document that
  put them there may be gone.
-#}
{% macro touched_order_lines(stored=none) -%}
    select orders.record_key
    from {{ ref('fct_purchase_order_line') }} as orders
    where {{ finance_sync.in_scope('orders') }}

    {%- for dated in ['approved_on', 'due_on', 'closed_on'] %}

    union

    select orders.record_key
    from {{ ref('fct_purchase_order_line') }} as orders
    inner join {{ ref('int_entity_day') }} as day
        on day.legal_entity_id = orders.legal_entity_id and day.period_day = orders.{{ dated }}
    where {{ finance_sync.in_scope('day') }}
    {%- endfor %}
    {%- for documents in ['fct_receipt_line', 'fct_invoice_line'] %}

    union

    select orders.record_key
    from {{ ref(documents) }} as documents
    inner join {{ ref('fct_purchase_order_line') }} as orders
        on orders.source_system = {{ finance_sync.order_system('documents') }}
        and orders.order_no = documents.order_no
        and orders.line_no = documents.order_line_no
    where {{ finance_sync.in_scope('documents') }}
    {%- endfor %}
    {%- if stored %}

    union

    select stored.record_key
    from {{ stored }} as stored
    where {{ finance_sync.in_scope('stored') }}
    {%- endif %}
{%- endmacro %}


{#- The same for requisition lines: one of their days, or of the order lines made of them, lies in a period that is rebuilt. -#}
{% macro touched_requisition_lines() -%}
    select requisitions.record_key
    from {{ ref('fct_requisition_line') }} as requisitions
    where {{ finance_sync.in_scope('requisitions') }}

    {%- for dated in ['approved_on', 'closed_on'] %}

    union

    select requisitions.record_key
    from {{ ref('fct_requisition_line') }} as requisitions
    inner join {{ ref('int_entity_day') }} as day
        on day.legal_entity_id = requisitions.legal_entity_id and day.period_day = requisitions.{{ dated }}
    where {{ finance_sync.in_scope('day') }}
    {%- endfor %}

    union

    select requisitions.record_key
    from {{ ref('fct_purchase_order_line') }} as orders
    inner join {{ ref('fct_requisition_line') }} as requisitions
        on requisitions.source_system = orders.source_system
        and requisitions.requisition_no = orders.requisition_no
        and requisitions.line_no = orders.requisition_line_no
    where {{ finance_sync.in_scope('orders') }}
{%- endmacro %}


{#-
  Value of a dated policy for rows of `keys` (columns legal_entity_id, line_type, policy_date): the most specific row that holds on
  the date: entity before line type; of two alike the later one. Yields legal_entity_id, line_type, policy_date, policy_value.
-#}
{% macro policy_values(policy, keys, fallback) -%}
    select legal_entity_id, line_type, policy_date, coalesce(policy_value, '{{ fallback }}') as policy_value
    from (
        select
            keys.legal_entity_id,
            keys.line_type,
            keys.policy_date,
            policies.value as policy_value,
            row_number() over (
                partition by keys.legal_entity_id, keys.line_type, keys.policy_date
                order by
                    policies.legal_entity_id is null, policies.line_type is null, policies.valid_from desc
            ) as precedence
        from (
            select distinct legal_entity_id, line_type, policy_date from {{ keys }}
        ) as keys
        left join {{ source('reference', 'policies') }} as policies
            on policies.policy = '{{ policy }}'
            and (policies.legal_entity_id is null or policies.legal_entity_id = keys.legal_entity_id)
            and (policies.line_type is null or policies.line_type = keys.line_type)
            and policies.valid_from <= keys.policy_date
            and (policies.valid_to is null or policies.valid_to >= keys.policy_date)
    ) as ranked
    where precedence = 1
{%- endmacro %}


{#- Relief point where no policy says: the invoice, or the receipt in a deployment without invoices. -#}
{% macro default_relief_point() -%}
    {{ return('invoice' if finance_sync.is_fed('invoice_line') or not finance_sync.is_fed('receipt_line') else 'receipt') }}
{%- endmacro %}


{#- What has been relieved of an amount when `done` of `whole` has come: all of it when nothing is left to come. -#}
{% macro relieved_amount(amount, done, whole, digits='4') -%}
    case
            when {{ done }} = {{ whole }} then {{ amount }}
            when {{ done }} = 0 then 0
            else {{ finance_sync.pro_rata(amount, done, whole, digits) }}
        end
{%- endmacro %}


{#- Decimals in which an amount is relieved: the currency's, unless the order itself has more. -#}
{% macro relief_digits(amount, minor_units) -%}
    (case when {{ amount }} = {{ finance_sync.round_to(amount, minor_units) }} then {{ minor_units }} else 4 end)
{%- endmacro %}


{#- Value of a quantity at the order's price; without a unit price, the quantity's share of the line's net amount (alias lines). -#}
{% macro at_order_price(quantity) -%}
    case
            when lines.unit_price is not null
                then {{ finance_sync.times_short(quantity, 'lines.unit_price', 'lines.unit_price') }}
            else {{ finance_sync.pro_rata('lines.amount_net_txn', quantity, 'lines.quantity') }}
        end
{%- endmacro %}
