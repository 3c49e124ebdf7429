select
    survey_id,
    tkt_no,
    sent_at,
    answered_at,
    cast(nullif(nullif(csat_score, ''), 'n/a') as integer) as csat_score
from {{ source('hd', 'surveys') }}
