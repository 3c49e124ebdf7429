select
    shipment_id
    , client_name
    , due_at
    , delivered_at
from {{ ref('core_shipments') }}
where state = 'DLV'
    and delivered_at > due_at
