select
    cast(date_trunc('month', opened_at) as date) as opened_month,
    prod,
    prio,
    count(*) as tickets,
    avg(solve_h) as avg_solve_h
from {{ ref('core_tickets') }}
group by 1, 2, 3
