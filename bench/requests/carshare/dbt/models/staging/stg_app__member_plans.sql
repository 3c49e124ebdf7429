select
    id as member_plan_id,
    member_id,
    plan_code,
    {{ from_cents('monthly_fee_cents') }} as monthly_fee,
    valid_from,
    valid_to
from {{ source('app', 'member_plans') }}
