select
    cast(date_trunc('month', booked_at) as date) as booked_month
    , service
    , count(*) as shipments
    , sum(price) as turnover
from {{ ref('core_shipments') }}
where state <> 'CAN'
group by 1, 2
