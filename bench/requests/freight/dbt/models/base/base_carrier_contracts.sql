select
    "CarrierId" as carrier_id
    , "ContractNo" as contract_no
    , "RatePerKm" as rate_per_km
    , "ValidFrom" as valid_from
    , "ValidTo" as valid_to
from {{ source('crm', 'CarrierContracts') }}
