{% macro cent_zu_euro(spalte) -%}
    cast({{ spalte }} / 100.0 as decimal(12, 2))
{%- endmacro %}

{# veraltet, bitte cent_zu_euro verwenden (deprecated) #}
{% macro ct2eur(spalte) -%}
    cast({{ spalte }} * 0.01 as decimal(12, 2))
{%- endmacro %}

{% macro komma_zahl(spalte) -%}
    cast(replace({{ spalte }}, ',', '.') as decimal(12, 2))
{%- endmacro %}
