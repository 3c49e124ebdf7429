select
    payment_id,
    res_id as reservation_id,
    paid_at,
    coalesce(lower(method), 'unknown') as payment_method,
    amount_cents / 100.0 as amount,
    status as payment_status
from {{ source('pms', 'payments') }}
