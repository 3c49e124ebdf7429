select
    hotel_id,
    hotel_code,
    hotel_name,
    city,
    country as country_code,
    cast(stars as integer) as star_rating,
    opened_on as opening_date,
    is_training
from {{ source('pms', 'hotels') }}
