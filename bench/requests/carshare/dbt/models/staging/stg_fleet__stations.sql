select
    id as station_id,
    name as station_name,
    city as station_city,
    country as country_code,
    bays,
    opened_on
from {{ source('fleet', 'stations') }}
where bays is not null
