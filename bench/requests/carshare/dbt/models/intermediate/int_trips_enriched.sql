select
    t.trip_id,
    t.booking_no,
    b.member_id,
    m.is_test_member,
    b.vehicle_id,
    v.vehicle_class,
    v.fuel_code,
    b.station_id,
    s.station_name,
    s.station_city,
    s.country_code,
    b.booking_channel,
    b.promo_code,
    t.started_at,
    t.ended_at,
    {{ dbt.datediff('t.started_at', 't.ended_at', 'minute') }} as duration_minutes,
    t.distance_km,
    t.return_station_id,
    t.fee_amount,
    t.currency
from {{ ref('stg_app__trips') }} as t
left join {{ ref('stg_app__bookings') }} as b on b.booking_no = t.booking_no
left join {{ ref('stg_app__members') }} as m on m.member_id = b.member_id
left join {{ ref('stg_fleet__vehicles') }} as v on v.vehicle_id = b.vehicle_id
left join {{ ref('stg_fleet__stations') }} as s on s.station_id = b.station_id
