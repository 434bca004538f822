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
  Keys of the lines (`order` or `requisition`) whose movements this build computes again: touched by a period that is rebuilt, with
  movements in one, or with news in a landed batch: of the line, or of a document that concerns it or did so before.
-#}
{% macro touched_lines(name, policies) -%}
    {%- set kind = {'order': 'encumbrance', 'requisition': 'pre_encumbrance'}[name] -%}
    {%- set fact = {'order': 'fct_purchase_order_line', 'requisition': 'fct_requisition_line'}[name] -%}
    {% if name == 'order' %}{{ finance_sync.touched_order_lines() }}{% else %}{{ finance_sync.touched_requisition_lines() }}{% endif %}

    union

    select stored.record_key
    from {{ this }} as stored
    where stored.commitment_kind = '{{ kind }}' and {{ finance_sync.in_scope('stored') }}

    union

    select lines.record_key
    from {{ ref(fact) }} as lines
    where {{ finance_sync.has_news('lines') }}
    {%- for documents in (['fct_receipt_line', 'fct_invoice_line'] if name == 'order' else ['fct_purchase_order_line']) %}
    {%- for version in ['', '_version'] %}

    union

    select lines.record_key
    from {{ ref(documents ~ version) }} as documents
    inner join {{ ref(fact) }} as lines
        {%- if name == 'order' %}
        on lines.source_system = {{ finance_sync.order_system('documents') }}
        and lines.order_no = documents.order_no
        and lines.line_no = documents.order_line_no
        {%- else %}
        on lines.source_system = documents.source_system
        and lines.requisition_no = documents.requisition_no
        and lines.line_no = documents.requisition_line_no
        {%- endif %}
    {%- if version %}
    where documents.record_key in (
        select present.record_key from {{ ref(documents) }} as present where {{ finance_sync.has_news('present') }}
    )
    {%- else %}
    where {{ finance_sync.has_news('documents') }}
    {%- endif %}
    {%- endfor %}
    {%- endfor %}
    {%- if policies.any %}

    union

    select stored.record_key
    from {{ this }} as stored
    where stored.commitment_kind = '{{ kind }}'
    group by stored.record_key
    having sum(stored.amount_txn) <> 0
    {%- endif %}
{%- endmacro %}

{#- Predicate: the row came with a batch that this build reads. -#}
{% macro has_news(alias) -%}
    exists (
        select 1 from {{ source('meta', 'batch') }} as batch
        where batch.is_new and batch.system = {{ alias }}.source_system and batch.batch_id = {{ alias }}.batch_id
    )
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


{#- An order line is measured by its quantity; one without a quantity, like an amount line, by its net value. -#}
{% macro is_measured_by_quantity(line) -%}
    ({{ line }}.line_type = 'quantity' and coalesce({{ line }}.quantity, 0) <> 0)
{%- endmacro %}

{#- What a receipt brings to an order line, in the line's measure. A document that states no quantity brings its share of the value. -#}
{% macro receipt_part(document='documents', line='lines', is_quantity='lines.is_quantity') -%}
    case
                when {{ is_quantity }} then coalesce(
                    {{ document }}.quantity,
                    {{ finance_sync.pro_rata(line ~ '.quantity', document ~ '.amount_txn', line ~ '.amount_net_txn') }}
                )
                when coalesce({{ document }}.currency_code, {{ line }}.currency_code) = {{ line }}.currency_code
                    then {{ document }}.amount_txn
            end
{%- endmacro %}

{#- What an invoice brings; in another currency than the order's, its functional value at the order's own rate. -#}
{% macro invoice_part(document='documents', line='lines', is_quantity='lines.is_quantity') -%}
    case
                when {{ is_quantity }} then coalesce(
                    {{ document }}.quantity,
                    {{ finance_sync.pro_rata(line ~ '.quantity', document ~ '.amount_net_txn', line ~ '.amount_net_txn') }}
                )
                when {{ document }}.currency_code = {{ line }}.currency_code then {{ document }}.amount_net_txn
                else {{ finance_sync.pro_rata(line ~ '.amount_txn', document ~ '.amount_functional', line ~ '.amount_functional') }}
            end
{%- endmacro %}

{#- What an order line takes of the requisition line that it is made of. -#}
{% macro requisition_part(document='documents', line='lines') -%}
    case
                when {{ document }}.currency_code = {{ line }}.currency_code then {{ document }}.amount_txn
                else {{ finance_sync.pro_rata(line ~ '.amount_txn', document ~ '.amount_functional', line ~ '.amount_functional') }}
            end
{%- endmacro %}

{#- Predicate: an order line stands in the place of its requisition, from the day on which it is made, unless it came to nothing. -#}
{% macro stands_for_requisition(alias) -%}
    {{ alias }}.line_status in ('pending', 'approved', 'issued', 'closed')
            or ({{ alias }}.line_status = 'cancelled' and {{ alias }}.approved_on is not null)
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


{#- Movement type -> the mart column (without currency) that shows it, and its sign there, of a kind of commitment. -#}
{% macro commitment_moves(kind) -%}
    {%- set begins = {'pre_encumbrance': ['reserve', 'new'], 'encumbrance': ['obligate', 'obligated']}[kind] -%}
    {{ return({
        begins[0]: {'name': kind ~ '_' ~ begins[1], 'sign': ''},
        'adjust': {'name': kind ~ '_adjusted', 'sign': ''},
        'relieve': {'name': kind ~ '_relieved', 'sign': '-'},
        'reinstate': {'name': kind ~ '_reinstated', 'sign': ''},
        'release': {'name': kind ~ '_released', 'sign': '-'},
        'carry_out': {'name': kind ~ '_carried_out', 'sign': '-'},
        'carry_in': {'name': kind ~ '_carried_in', 'sign': ''},
        'revalue': {'name': kind ~ '_revalued', 'sign': ''},
    }) }}
{%- endmacro %}

{#- Columns of int_cell_period of a kind of commitment: each movement, and what they come to. -#}
{% macro commitment_measures(kind) -%}
    {%- set names = [] -%}
    {%- for measure in finance_sync.commitment_moves(kind).values() -%}{%- do names.append(measure.name ~ '_functional') -%}{%- endfor -%}
    {{ return(names + [kind ~ '_change_functional', kind ~ '_change_group']) }}
{%- endmacro %}
