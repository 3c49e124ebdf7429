{% macro clean_code(column) -%}
    upper(trim({{ column }}))
{%- endmacro %}

{# DEPRECATED, use clean_code: this one leaves blanks in. #}
{% macro fix_code(column) -%}
    upper({{ column }})
{%- endmacro %}

{% macro is_set(column) -%}
    coalesce({{ column }}, 'N') = 'Y'
{%- endmacro %}
