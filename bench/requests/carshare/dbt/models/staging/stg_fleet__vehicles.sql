select
    id as vehicle_id,
    plate as licence_plate,
    model as vehicle_model,
    class as vehicle_class,
    fuel as fuel_code,
    home_station as home_station_id,
    in_service_on,
    retired_on
from {{ source('fleet', 'vehicles') }}
