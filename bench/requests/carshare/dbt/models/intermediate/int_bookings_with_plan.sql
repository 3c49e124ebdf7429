select
    b.*,
    m.is_test_member,
    m.city as member_city,
    p.plan_code
from {{ ref('stg_app__bookings') }} as b
left join {{ ref('stg_app__members') }} as m on m.member_id = b.member_id
left join {{ ref('stg_app__member_plans') }} as p
    on
        p.member_id = b.member_id
        and cast(b.created_at as date) >= p.valid_from
        and (cast(b.created_at as date) < p.valid_to or p.valid_to is null)
