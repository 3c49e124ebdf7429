select
    "LEG_ID" as leg_id
    , "SHIPMENT_ID" as shipment_id
    , "LEG_NO" as leg_no
    , "CARRIER_ID" as carrier_id
    , "FROM_DEPOT" as from_depot
    , "TO_DEPOT" as to_depot
    , "DISTANCE_KM" as distance_km
    , "COST" as cost
    , "DEPARTED_AT" as departed_at
    , "ARRIVED_AT" as arrived_at
    , {{ hrs_diff('"DEPARTED_AT"', '"ARRIVED_AT"') }} as transit_hours
from {{ source('tms', 'LEGS') }}
