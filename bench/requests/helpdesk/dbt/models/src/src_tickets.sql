select
    tkt_no,
    {{ code('cust_ref') }} as cust_id,
    agent_id,
    {{ code('prod') }} as prod,
    {{ code('prio') }} as prio,
    chan,
    kind,
    state,
    merged_into,
    is_test,
    opened_at,
    first_reply_at,
    solved_at,
    closed_at,
    mins,
    reopens,
    subj
from {{ source('hd', 'tickets') }}
