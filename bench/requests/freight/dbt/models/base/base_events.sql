select
    "EventId" as event_id
    , "ShipmentId" as shipment_id
    , "LegNo" as leg_no
    , "OccurredAt" as occurred_at
    , "Payload" ->> 'code' as event_code
    , "Payload" ->> 'depot' as depot
    , "Payload" as payload
from {{ source('trace', 'Events') }}
