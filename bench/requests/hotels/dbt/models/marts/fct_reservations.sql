with reservations as (

    select * from {{ ref('int_reservations_enriched') }}

),

charges as (

    select * from {{ ref('int_reservation_charges') }}

)

select
    reservations.reservation_id,
    reservations.confirmation_number,
    reservations.guest_id,
    reservations.hotel_id,
    reservations.hotel_name,
    reservations.room_type,
    reservations.rate_plan_code,
    reservations.booking_channel,
    reservations.status,
    reservations.booked_at,
    reservations.arrival_date,
    reservations.departure_date,
    reservations.cancelled_at,
    reservations.nights,
    reservations.adults + reservations.children as person_count,
    reservations.booked_amount,
    coalesce(charges.room_revenue, 0) as room_revenue,
    coalesce(charges.ancillary_revenue, 0) as ancillary_revenue
from reservations
left join charges on reservations.reservation_id = charges.reservation_id
