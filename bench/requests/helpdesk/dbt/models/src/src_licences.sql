select
    lic_key,
    cust_id,
    {{ code('prod') }} as prod,
    edition,
    seats,
    fee_cents / 100.0 as list_fee,
    coalesce({{ comma_number('disc_pct') }}, 0) as disc_pct,
    signed_on,
    start_on,
    end_on,
    notice_on
from {{ source('lic', 'licences') }}
where del_at is null
