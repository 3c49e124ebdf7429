select
    store_no,
    store_nm,
    city,
    {{ clean_code('region_cd') }} as region_cd,
    opened_dt
from {{ source('shopdb', 'stores') }}
