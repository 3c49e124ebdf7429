select
    prod_no,
    prod_nm,
    cat_no,
    brand,
    cost_prc,
    list_prc,
    {{ is_set('active_flg') }} as is_active
from {{ source('shopdb', 'products') }}
