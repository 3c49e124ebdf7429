select
    ord_no,
    line_no,
    prod_no,
    qty,
    unit_prc,
    disc_pct,
    amt_line
from {{ source('shopdb', 'order_lines') }}
