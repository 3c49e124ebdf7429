select
    inv_no,
    inv_type,
    cust_id,
    lic_key,
    inv_on,
    due_on,
    paid_on,
    case when inv_type = 'CN' then -1 else 1 end * {{ comma_number('net_amt') }} as net_amt,
    vat_pct,
    curr
from {{ source('lic', 'invoices') }}
