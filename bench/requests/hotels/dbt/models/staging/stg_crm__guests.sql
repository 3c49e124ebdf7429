select
    guest_id,
    name as full_name,
    lower(trim(email)) as email,
    country as country_code,
    birth_date,
    coalesce(opt_in = 'Y', false) as has_marketing_consent,
    created_at
from {{ source('crm', 'guests') }}
