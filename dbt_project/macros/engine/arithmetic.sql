{#-
  amount x part / whole, exact: one division of integers, rounded half away from zero to `digits` decimals.
  DuckDB divides decimals as binary floats and Postgres cuts quotients at a precision of its own; money takes neither road.
  amount, part, whole: numeric(18,4) expressions; digits: an expression 0..4. NULL where an operand is NULL or whole is 0.
-#}
{% macro pro_rata(amount, part, whole, digits='4') -%}
    {{ adapter.dispatch('pro_rata', 'finance_sync')(amount, part, whole, digits) }}
{%- endmacro %}

{% macro default__pro_rata(amount, part, whole, digits) -%}
    {%- set n = '(' ~ finance_sync.ten_thousandths(amount) ~ ' * ' ~ finance_sync.ten_thousandths(part) ~ ')' -%}
    {%- set d = finance_sync.ten_thousandths(whole) -%}
    {{ finance_sync.pro_rata_scaled(n, d, digits, '//') }}
{%- endmacro %}

{% macro postgres__pro_rata(amount, part, whole, digits) -%}
    {%- set n = '(cast((' ~ amount ~ ') * 10000 as numeric(38,0)) * cast((' ~ part ~ ') * 10000 as numeric(38,0)))' -%}
    {%- set d = '(cast((' ~ whole ~ ') * 10000 as numeric(38,0)))' -%}
    {{ finance_sync.pro_rata_scaled(n, d, digits, 'div') }}
{%- endmacro %}

{#- An amount in ten-thousandths as hugeint. What is below 10^10 is scaled in 64 bits: forty times faster, the same number. -#}
{% macro ten_thousandths(amount) -%}
    (case
        when abs({{ amount }}) < 10000000000 then cast(cast(cast({{ amount }} as numeric(18,4)) * 10000 as bigint) as hugeint)
        else cast(cast({{ amount }} as numeric(38,4)) * 10000 as hugeint)
    end)
{%- endmacro %}

{#- n is scaled by 10^8 and d by 10^4, so n / d is the quotient in ten-thousandths; the divisor takes it to the digits wanted. -#}
{% macro pro_rata_scaled(n, d, digits, division) -%}
    {%- set divisor = '(abs(' ~ d ~ ') * ' ~ finance_sync.power_of_ten('4 - (' ~ digits ~ ')') ~ ')' -%}
    {%- set dividend = '(2 * abs(' ~ n ~ ') + ' ~ divisor ~ ')' -%}
    {%- set doubled = 'nullif(2 * ' ~ divisor ~ ', 0)' -%}
    cast(
        (case when ({{ n }} < 0) <> ({{ d }} < 0) then -1 else 1 end)
        * cast({% if division == 'div' %}div({{ dividend }}, {{ doubled }}){% else %}{{ dividend }} // {{ doubled }}{% endif %} as numeric(28,0))
        * (case {{ digits }} when 0 then 1.0000 when 1 then 0.1000 when 2 then 0.0100 when 3 then 0.0010 else 0.0001 end)
        as numeric(18,4)
    )
{%- endmacro %}

{#- amount / whole to ten decimals, half away from zero: the price of a unit where a document states none. -#}
{% macro unit_quotient(amount, whole) -%}
    {{ adapter.dispatch('unit_quotient', 'finance_sync')(amount, whole) }}
{%- endmacro %}

{% macro default__unit_quotient(amount, whole) -%}
    {%- set n = '(' ~ finance_sync.ten_thousandths(amount) ~ ' * 10000000000)' -%}
    {%- set d = finance_sync.ten_thousandths(whole) -%}
    cast(
        (case when ({{ n }} < 0) <> ({{ d }} < 0) then -1 else 1 end)
        * cast((2 * abs({{ n }}) + abs({{ d }})) // nullif(2 * abs({{ d }}), 0) as numeric(28,0)) * 0.0000000001
        as numeric(28,10)
    )
{%- endmacro %}

{% macro postgres__unit_quotient(amount, whole) -%}
    {%- set n = '(cast((' ~ amount ~ ') * 10000 as numeric(38,0)) * 10000000000)' -%}
    {%- set d = '(cast((' ~ whole ~ ') * 10000 as numeric(38,0)))' -%}
    cast(
        (case when ({{ n }} < 0) <> ({{ d }} < 0) then -1 else 1 end)
        * div(2 * abs({{ n }}) + abs({{ d }}), nullif(2 * abs({{ d }}), 0)) * 0.0000000001
        as numeric(28,10)
    )
{%- endmacro %}


{% macro power_of_ten(exponent) -%}
    (case {{ exponent }} when 0 then 1 when 1 then 10 when 2 then 100 when 3 then 1000 else 10000 end)
{%- endmacro %}


{#-
  amount x factor (a rate, price or percentage), half away from zero to four decimals; wide enough for any numeric(18,4).
  Rounded first and narrowed after: a cast that does both takes DuckDB more than twice as long.
-#}
{% macro times(amount, factor) -%}
    cast(round(cast({{ amount }} as numeric(28,4)) * {{ factor }}, 4) as numeric(18,4))
{%- endmacro %}


{#- An amount rounded to `digits` decimals (an expression 0..4), half away from zero. -#}
{% macro round_to(amount, digits) -%}
    (case {{ digits }}
        when 0 then cast(round({{ amount }}, 0) as numeric(18,4))
        when 1 then cast(round({{ amount }}, 1) as numeric(18,4))
        when 2 then cast(round({{ amount }}, 2) as numeric(18,4))
        when 3 then cast(round({{ amount }}, 3) as numeric(18,4))
        else cast({{ amount }} as numeric(18,4))
    end)
{%- endmacro %}


{#- A day `n` days later (earlier for a negative n); n an integer expression of any width. -#}
{% macro add_days(day, n) -%}
    ({{ day }} + cast({{ n }} as integer))
{%- endmacro %}
