select
    carrier_id
    , carrier_name
    , count(*) as legs
    , sum(distance_km) as distance_km
    , sum(cost) as cost
from {{ ref('core_legs') }}
group by 1, 2
