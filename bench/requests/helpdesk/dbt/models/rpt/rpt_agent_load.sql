select
    agent_id,
    nick,
    team,
    count(*) as tickets,
    sum(case when solved_at is null then 1 else 0 end) as unsolved,
    sum(mins) as mins
from {{ ref('core_tickets') }}
where agent_id is not null
group by 1, 2, 3
