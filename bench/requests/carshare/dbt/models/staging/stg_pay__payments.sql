select
    id as payment_id,
    trip_id,
    attempted_at,
    settled_on,
    {{ from_cents('amount_cents') }} as amount,
    currency,
    status as payment_status,
    method as payment_method
from {{ source('pay', 'payments') }}
