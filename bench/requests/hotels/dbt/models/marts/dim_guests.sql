with guests as (

    select * from {{ ref('stg_crm__guests') }}

),

current_tiers as (

    select guest_id, tier
    from {{ ref('stg_crm__loyalty_tiers') }}
    where valid_to is null

),

reservations as (

    select
        guest_id,
        count(*) as reservation_count,
        sum(case when status <> 'cancelled' then 1 else 0 end) as stay_count,
        min(arrival_date) as first_arrival_date,
        sum(room_revenue + ancillary_revenue) as lifetime_revenue
    from {{ ref('fct_reservations') }}
    where guest_id is not null
    group by guest_id

)

select
    guests.guest_id,
    guests.full_name,
    guests.country_code,
    guests.has_marketing_consent,
    guests.created_at,
    current_tiers.tier as current_tier,
    coalesce(reservations.reservation_count, 0) as reservation_count,
    coalesce(reservations.stay_count, 0) as stay_count,
    reservations.first_arrival_date,
    coalesce(reservations.lifetime_revenue, 0) as lifetime_revenue
from guests
left join current_tiers on guests.guest_id = current_tiers.guest_id
left join reservations on guests.guest_id = reservations.guest_id
