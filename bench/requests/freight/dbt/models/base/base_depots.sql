select
    "DEPOT" as depot
    , "CITY" as city
    , "COUNTRY" as country
    , "TIME_ZONE" as time_zone
from {{ source('tms', 'DEPOTS') }}
