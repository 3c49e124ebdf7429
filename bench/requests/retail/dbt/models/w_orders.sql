-- The last delivery of each order, without deleted ones.
with ranked as (
    select
        *,
        row_number() over (partition by ord_no order by loaded_at desc) as rn
    from {{ ref('s_orders') }}
)

select
    ord_no,
    cust_no,
    ord_dt,
    stat_cd,
    chan,
    store_no,
    vou_cd,
    amt_gross,
    amt_net,
    amt_ship
from ranked
where rn = 1
    and not is_deleted
