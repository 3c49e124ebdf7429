{% macro cents_to_eur(column) -%}
    cast(({{ column }}) / 100.0 as decimal(18, 2))
{%- endmacro %}

{# Deprecated: rounds by itself. Use cents_to_eur. #}
{% macro to_eur_amount(column) -%}
    cast(round(({{ column }}) / 100.0, 2) as decimal(18, 2))
{%- endmacro %}

{% macro month_of(column) -%}
    cast(date_trunc('month', {{ column }}) as date)
{%- endmacro %}
