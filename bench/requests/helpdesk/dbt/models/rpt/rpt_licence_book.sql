-- Licences that run without an end
select
    prod,
    edition,
    ctry,
    count(*) as licences,
    sum(seats) as seats,
    sum(net_fee) as net_fee
from {{ ref('core_licences') }}
where end_on is null
group by 1, 2, 3
