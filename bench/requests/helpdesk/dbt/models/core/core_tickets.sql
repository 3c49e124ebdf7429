with tickets as (

    select * from {{ ref('src_tickets') }}
    where state not in ('spam', 'merged')
        and not is_test

)

select
    t.tkt_no,
    t.cust_id,
    c.cust_name,
    c.ctry,
    c.seg,
    t.agent_id,
    a.nick,
    a.team,
    a.site,
    t.prod,
    t.prio,
    t.chan,
    t.kind,
    t.state,
    t.opened_at,
    t.first_reply_at,
    t.solved_at,
    t.closed_at,
    {{ hours('t.opened_at', 't.first_reply_at') }} as reply_h,
    {{ hours('t.opened_at', 't.solved_at') }} as solve_h,
    t.mins,
    t.reopens
from tickets as t
left join {{ ref('src_customers') }} as c on t.cust_id = c.cust_id
left join {{ ref('src_agents') }} as a on t.agent_id = a.agent_id
