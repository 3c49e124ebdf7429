select
    trip_id,
    booking_no,
    member_id,
    vehicle_id,
    vehicle_class,
    fuel_code,
    station_id,
    station_name,
    station_city,
    country_code,
    booking_channel,
    promo_code,
    started_at,
    ended_at,
    duration_minutes,
    distance_km,
    return_station_id,
    fee_amount,
    currency
from {{ ref('int_trips_enriched') }}
where not is_test_member
