select
    reservation_id,
    count(*) as charge_count,
    sum(case when department_code = 'ROOM' then amount else 0 end) as room_revenue,
    sum(case when department_code <> 'ROOM' then amount else 0 end) as ancillary_revenue
from {{ ref('stg_pms__charges') }}
where not is_voided
group by reservation_id
