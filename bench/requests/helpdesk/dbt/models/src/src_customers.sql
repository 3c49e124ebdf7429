select
    cust_id,
    cust_name,
    {{ code('ctry') }} as ctry,
    seg,
    acct_mgr,
    since_on,
    lost_on,
    is_internal
from {{ source('lic', 'customers') }}
