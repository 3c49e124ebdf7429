with trips as (

    select
        member_id,
        count(*) as trip_count,
        min(started_at) as first_trip_at,
        max(started_at) as last_trip_at
    from {{ ref('fct_trips') }}
    group by member_id

),

current_plan as (

    select member_id, plan_code
    from {{ ref('stg_app__member_plans') }}
    where valid_to is null

)

select
    m.member_id,
    m.full_name,
    m.city,
    m.acquisition_channel,
    m.signed_up_at,
    m.closed_at,
    p.plan_code as current_plan_code,
    coalesce(t.trip_count, 0) as trip_count,
    t.first_trip_at,
    t.last_trip_at
from {{ ref('stg_app__members') }} as m
left join current_plan as p on p.member_id = m.member_id
left join trips as t on t.member_id = m.member_id
where not m.is_test_member
