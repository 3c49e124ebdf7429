select
    l.lic_key,
    l.cust_id,
    c.cust_name,
    c.ctry,
    c.seg,
    l.prod,
    l.edition,
    l.seats,
    l.list_fee,
    l.disc_pct,
    l.list_fee * (1 - l.disc_pct / 100) as net_fee,
    l.signed_on,
    l.start_on,
    l.end_on,
    l.notice_on
from {{ ref('src_licences') }} as l
left join {{ ref('src_customers') }} as c on l.cust_id = c.cust_id
where not coalesce(c.is_internal, false)
