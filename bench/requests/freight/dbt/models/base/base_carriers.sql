select
    "CarrierId" as carrier_id
    , "CarrierName" as carrier_name
    , "Mode" as mode
    , "Country" as country
from {{ source('crm', 'Carriers') }}
