select
    room_id,
    hotel_id,
    room_no as room_number,
    room_type,
    floor,
    max_guests,
    out_of_order_since
from {{ source('pms', 'rooms') }}
