select
    cast(date_trunc('month', started_at) as date) as month,
    station_id,
    station_name,
    currency,
    count(*) as trips,
    sum(distance_km) as km,
    sum(fee_amount) as fees
from {{ ref('fct_trips') }}
group by 1, 2, 3, 4
