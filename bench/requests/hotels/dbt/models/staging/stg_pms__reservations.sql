with source as (

    select * from {{ source('pms', 'reservations') }}

),

renamed as (

    select
        res_id as reservation_id,
        conf_no as confirmation_number,
        guest_id,
        hotel_id,
        room_id,
        upper(rate_code) as rate_plan_code,
        lower(trim(channel)) as booking_channel,
        case status
            when 'CNF' then 'confirmed'
            when 'INH' then 'in_house'
            when 'OUT' then 'checked_out'
            when 'CXL' then 'cancelled'
            when 'NSH' then 'no_show'
        end as status,
        booked_at,
        arrival as arrival_date,
        departure as departure_date,
        departure - arrival as nights,
        cancelled_at,
        adults,
        coalesce(children, 0) as children,
        total_cents / 100.0 as booked_amount
    from source

)

select * from renamed
