{#-
  amount x part / whole, exact: one division of integers, rounded half away from zero to `digits` decimals.
  DuckDB divides decimals as binary floats and Postgres cuts quotients at a precision of its own; money takes neither road.
  amount, part, whole: numeric(18,4) expressions; digits: an expression 0..4. NULL where an operand is NULL or whole is 0.
-#}
{% macro pro_rata(amount, part, whole, digits='4') -%}
    {{ adapter.dispatch('pro_rata', 'finance_sync')(amount, part, whole, digits) }}
{%- endmacro %}

{#- DuckDB computes 64-bit integers many times faster than 128-bit ones: ordinary amounts take the short road, the same in result. -#}
{% macro default__pro_rata(amount, part, whole, digits) -%}
    {%- set short_n = '(cast((' ~ amount ~ ') * 10000 as bigint) * cast((' ~ part ~ ') * 10000 as bigint))' -%}
    {%- set short_d = 'cast((' ~ whole ~ ') * 10000 as bigint)' -%}
    {%- set n = '(' ~ finance_sync.ten_thousandths(amount) ~ ' * ' ~ finance_sync.ten_thousandths(part) ~ ')' -%}
    {%- set d = finance_sync.ten_thousandths(whole) -%}
    case
        when abs({{ amount }}) < 1000000 and abs({{ part }}) < 10000 and abs({{ whole }}) < 1000000
            then {{ finance_sync.pro_rata_scaled(short_n, short_d, digits, '//', 'numeric(18,0)') }}
        else {{ finance_sync.pro_rata_scaled(n, d, digits, '//') }}
    end
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
{% macro pro_rata_scaled(n, d, digits, division, quotient_type='numeric(28,0)') -%}
    {%- set divisor = '(abs(' ~ d ~ ') * ' ~ finance_sync.power_of_ten('4 - (' ~ digits ~ ')') ~ ')' -%}
    {%- set dividend = '(2 * abs(' ~ n ~ ') + ' ~ divisor ~ ')' -%}
    {%- set doubled = 'nullif(2 * ' ~ divisor ~ ', 0)' -%}
    cast(
        (case when ({{ n }} < 0) <> ({{ d }} < 0) then -1 else 1 end)
        * cast({% if division == 'div' %}div({{ dividend }}, {{ doubled }}){% else %}{{ dividend }} // {{ doubled }}{% endif %} as {{ quotient_type }})
        * (case {{ digits }} when 0 then 1.0000 when 1 then 0.1000 when 2 then 0.0100 when 3 then 0.0010 else 0.0001 end)
        as numeric(18,4)
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


{#-
  amount x rate, unrounded. The cast is not for show: DuckDB keeps the product of two decimals of up to 18 digits in 64 bits, which end at
  92,233.72 x a rate of 1.
-#}
{% macro valued(amount, rate) -%}
    cast({{ amount }} as numeric(28,4)) * {{ rate }}
{%- endmacro %}


{#-
  The same with `short`, the factor as numeric(18,6), NULL where it has more decimals or is not known. On DuckDB ordinary products then
  stay within 64 bits, several times faster; the result is the same.
-#}
{% macro times_short(amount, factor, short) -%}
    {{ adapter.dispatch('times_short', 'finance_sync')(amount, factor, short) }}
{%- endmacro %}

{% macro default__times_short(amount, factor, short) -%}
    case
            when abs({{ amount }}) < 100000 and abs({{ short }}) < 900
                then cast(cast({{ amount }} as numeric(18,4)) * {{ short }} as numeric(18,4))
            when abs({{ amount }}) < 10000 and abs({{ short }}) < 9000
                then cast(cast({{ amount }} as numeric(18,4)) * {{ short }} as numeric(18,4))
            else {{ finance_sync.times(amount, factor) }}
        end
{%- endmacro %}

{% macro postgres__times_short(amount, factor, short) -%}
    {{ finance_sync.times(amount, factor) }}
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
