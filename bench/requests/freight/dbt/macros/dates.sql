{% macro text_to_timestamp(column) -%}
    {{ adapter.dispatch('text_to_timestamp')(column) }}
{%- endmacro %}

{% macro default__text_to_timestamp(column) -%}
    to_timestamp(nullif({{ column }}, ''), 'DD.MM.YYYY HH24:MI')::timestamp
{%- endmacro %}

{% macro duckdb__text_to_timestamp(column) -%}
    strptime(nullif({{ column }}, ''), '%d.%m.%Y %H:%M')
{%- endmacro %}

{% macro hours_between(start, finish) -%}
    (extract(epoch from {{ finish }}) - extract(epoch from {{ start }})) / 3600.0
{%- endmacro %}

{# DEPRECATED: use hours_between. #}
{% macro hrs_diff(start, finish) -%}
    extract(epoch from ({{ finish }} - {{ start }})) / 3600.0
{%- endmacro %}
