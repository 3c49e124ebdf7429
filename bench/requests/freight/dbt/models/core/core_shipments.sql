with leg_totals as (
    select
        shipment_id
        , count(*) as leg_count
        , sum(cost) as cost
        , sum(distance_km) as distance_km
    from {{ ref('base_legs') }}
    group by shipment_id
)

select
    s.shipment_id
    , s.client_id
    , c.client_name
    , s.service
    , s.origin_depot
    , s.destination_depot
    , s.state
    , s.weight_kg
    , s.price
    , t.cost
    , t.leg_count
    , t.distance_km
    , s.booked_at
    , s.due_at
    , s.delivered_at
    , {{ hrs_diff('s.booked_at', 's.delivered_at') }} as lead_hours
from {{ ref('base_shipments') }} as s
left join {{ ref('base_clients') }} as c
    on s.client_id = c.client_id
left join leg_totals as t
    on s.shipment_id = t.shipment_id
