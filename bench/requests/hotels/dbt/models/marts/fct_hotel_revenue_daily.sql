select
    r.hotel_id,
    r.hotel_name,
    cast(c.posted_at as date) as revenue_date,
    count(*) as charge_count,
    sum(c.amount) as revenue
from {{ ref('stg_pms__charges') }} as c
inner join {{ ref('int_reservations_enriched') }} as r on c.reservation_id = r.reservation_id
where not c.is_voided
group by 1, 2, 3
