select
    ord_no,
    cust_no,
    ord_dt,
    {{ fix_code('stat_cd') }} as stat_cd,
    lower(chan) as chan,
    store_no,
    vou_cd,
    amt_gross,
    amt_net,
    amt_ship,
    {{ is_set('del_flg') }} as is_deleted,
    _loaded_at as loaded_at
from {{ source('shopdb', 'orders') }}
