with reservations as (

    select * from {{ ref('stg_pms__reservations') }}

),

hotels as (

    select * from {{ ref('stg_pms__hotels') }}
    where not is_training

),

rooms as (

    select * from {{ ref('stg_pms__rooms') }}

)

select
    reservations.*,
    hotels.hotel_code,
    hotels.hotel_name,
    hotels.city as hotel_city,
    hotels.country_code as hotel_country_code,
    rooms.room_type
from reservations
inner join hotels on reservations.hotel_id = hotels.hotel_id
left join rooms on reservations.room_id = rooms.room_id
