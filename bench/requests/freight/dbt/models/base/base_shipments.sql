select
    "SHIPMENT_ID" as shipment_id
    , "CLIENT_ID" as client_id
    , "SERVICE" as service
    , "ORIGIN" as origin_depot
    , "DESTINATION" as destination_depot
    , "STATE" as state
    , {{ text_to_timestamp('"BOOKED_ON"') }} as booked_at
    , {{ text_to_timestamp('"DUE_ON"') }} as due_at
    , {{ text_to_timestamp('"DELIVERED_ON"') }} as delivered_at
    , "WEIGHT_KG" as weight_kg
    , "PRICE" as price
    , "DECLARED_VALUE" as declared_value
from {{ source('tms', 'SHIPMENTS') }}
