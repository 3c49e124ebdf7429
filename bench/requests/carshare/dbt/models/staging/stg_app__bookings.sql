select
    booking_no,
    member_id,
    vehicle_id,
    station_id,
    created_at,
    start_at as planned_start_at,
    end_at as planned_end_at,
    status as booking_status,
    cancelled_at,
    upper(promo_code) as promo_code,
    channel as booking_channel
from {{ source('app', 'bookings') }}
