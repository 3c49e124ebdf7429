select
    "CLIENT_ID" as client_id
    , "CLIENT_NAME" as client_name
    , "TIER" as tier
    , "COUNTRY" as country
from {{ source('tms', 'CLIENTS') }}
