select
    "SERVICE" as service
    , "SERVICE_NAME" as service_name
    , "PROMISED_HOURS" as promised_hours
from {{ source('tms', 'SERVICES') }}
