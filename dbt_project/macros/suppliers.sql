{#-
  Keys under which suppliers are compared each night. finance_sync/matching/keys.py says the same for the candidates that the command
  line proposes; a test holds the two together, on both engines.
-#}

{#- Signs that separate words: ASCII's, hard spaces, dashes, quotes. -#}
{% macro supplier_punctuation() -%}
    {{ return('[ -/:-@\\[-`{-~\\t\\r\\n –—“”„«»·]+') }}
{%- endmacro %}


{#- A name as lower-case words, without accents, punctuation, leading "the" and legal form at its end; NULL if none is left. -#}
{% macro supplier_name_key(name) -%}
    {%- set accented = 'ÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝŠŽŁàáâãäåçèéêëìíîïñòóôõöøùúûüýÿšžłąćęńśźżčďěňřťůğıőű' -%}
    {%- set plain = 'AAAAAACEEEEIIIINOOOOOOUUUUYSZLaaaaaaceeeeiiiinoooooouuuuyyszlacenszzcdenrtugiou' -%}
    {%- set legal_forms = 'ab|ag|as|asa|bv|co|company|corp|corporation|cv|eg|ev|gmbh|inc|incorporated|kft|kg|kgaa|kk|lda|limited|llc|llp|lp|ltd|ltda|mbh|nv|ohg|oy|oyj|plc|pte|pty|sa|sarl|sas|se|sl|sp|spa|srl|ug|zoo' -%}
    nullif(
        regexp_replace(
            regexp_replace(
                trim(regexp_replace(
                    regexp_replace(
                        lower(replace(translate({{ name }}, '{{ accented }}', '{{ plain }}'), 'ß', 'ss')),
                        '[.''’`]', '', 'g'
                    ),
                    '{{ finance_sync.supplier_punctuation() }}', ' ', 'g'
                )),
                '^the ', ''
            ),
            '( ({{ legal_forms }}))+$', ''
        ),
        ''
    )
{%- endmacro %}


{#- A tax id or bank account as upper-case letters and digits; a tax id without its country's prefix. -#}
{% macro supplier_identifier(value, country=none) -%}
    {%- set key = "upper(regexp_replace(" ~ value ~ ", '" ~ finance_sync.supplier_punctuation() ~ "', '', 'g'))" -%}
    {%- if country -%}
        case when left({{ key }}, 2) = upper({{ country }}) then substr({{ key }}, 3) else {{ key }} end
    {%- else -%}
        {{ key }}
    {%- endif -%}
{%- endmacro %}


{#- Such a key, or NULL where it identifies nobody: too short, one sign repeated, a word that says so. -#}
{% macro telling_identifier(key) -%}
    case
        when length({{ key }}) >= 5
            and replace({{ key }}, left({{ key }}, 1), '') <> ''
            and {{ key }} not in ('UNKNOWN', 'NOTAVAILABLE', 'NOTAPPLICABLE', 'PENDING', 'EXEMPT')
            then {{ key }}
    end
{%- endmacro %}
