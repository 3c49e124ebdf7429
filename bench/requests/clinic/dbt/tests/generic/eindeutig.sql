{% test eindeutig(model, spalten) %}
select {{ spalten | join(', ') }}
from {{ model }}
group by {{ spalten | join(', ') }}
having count(*) > 1
{% endtest %}
