select
    l.leg_id
    , l.shipment_id
    , l.leg_no
    , l.carrier_id
    , c.carrier_name
    , c.mode
    , l.from_depot
    , l.to_depot
    , l.distance_km
    , l.cost
    , l.departed_at
    , l.arrived_at
from {{ ref('base_legs') }} as l
left join {{ ref('base_carriers') }} as c
    on l.carrier_id = c.carrier_id
