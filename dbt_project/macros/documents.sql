{#-
  A supplier's document number as two people who type it agree on it: without case, spaces, punctuation and the zeros that begin a
  run of digits. NULL where nothing is left. `R-000 123`, `r123` and `R/0123` are the same number.
-#}
{% macro document_number_key(number) -%}
    nullif(
            regexp_replace(
                regexp_replace(replace(upper({{ number }}), ' ', ''), '(^|[^0-9])0+([0-9])', '\1\2', 'g'),
                '[-[:space:][:punct:]]', '', 'g'
            ),
            ''
        )
{%- endmacro %}
