{{ config(materialized='table') }}

select
    l.ord_no,
    l.line_no,
    o.ord_dt,
    o.cust_no,
    o.chan,
    o.store_no,
    o.stat_cd,
    l.prod_no,
    p.brand,
    l.qty,
    l.amt_line
from {{ ref('s_order_lines') }} as l
inner join {{ ref('w_orders') }} as o on l.ord_no = o.ord_no
left join {{ ref('s_products') }} as p on l.prod_no = p.prod_no
