select
    charge_id,
    res_id as reservation_id,
    posted_at,
    dept as department_code,
    amount_cents / 100.0 as amount,
    coalesce(voided, false) as is_voided
from {{ source('pms', 'charges') }}
