select
    agent_id,
    nick,
    team,
    site,
    hired_on,
    left_on,
    is_bot
from {{ source('hd', 'agents') }}
