{% macro code(column) -%}
    upper(trim({{ column }}))
{%- endmacro %}

{# Text with a decimal comma to a number. #}
{% macro comma_number(column) -%}
    cast(replace(nullif({{ column }}, ''), ',', '.') as decimal(12, 2))
{%- endmacro %}

{% macro hours(first, last) -%}
    (extract(epoch from ({{ last }} - {{ first }})) / 3600.0)
{%- endmacro %}
