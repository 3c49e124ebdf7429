with events as (

    select * from {{ ref('stg_app__usage_events') }}

)

select
    cast(occurred_at as date) as usage_date,
    feature,
    count(*) as event_count,
    sum(units) as units
from events
group by 1, 2
