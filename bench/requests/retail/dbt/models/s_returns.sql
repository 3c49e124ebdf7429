select
    ret_no,
    ord_no,
    line_no,
    ret_dt,
    ret_qty,
    amt_refund,
    {{ fix_code('reason_cd') }} as reason_cd
from {{ source('shopdb', 'returns') }}
