select
    id as trip_id,
    booking_no,
    started_at,
    ended_at,
    distance_m / 1000.0 as distance_km,
    return_station_id,
    {{ from_cents('fee_cents') }} as fee_amount,
    currency
from {{ source('app', 'trips') }}
