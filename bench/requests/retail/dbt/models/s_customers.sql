select
    cust_no,
    cust_nm,
    email,
    city,
    birth_dt,
    reg_dt,
    {{ is_set('newsletter_flg') }} as has_newsletter,
    {{ is_set('del_flg') }} as is_deleted,
    _loaded_at as loaded_at
from {{ source('shopdb', 'customers') }}
