with source as (

    select * from {{ source('app', 'members') }}

)

select
    id as member_id,
    full_name,
    email,
    city,
    signed_up_at,
    birth_date,
    channel as acquisition_channel,
    referred_by as referred_by_member_id,
    test_flag = 'Y' as is_test_member,
    closed_at
from source
