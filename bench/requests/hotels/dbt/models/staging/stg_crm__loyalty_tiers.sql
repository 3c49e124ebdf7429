select
    guest_id,
    lower(tier) as tier,
    valid_from,
    valid_to
from {{ source('crm', 'loyalty_tiers') }}
