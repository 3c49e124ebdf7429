with accounts as (

    select * from {{ ref('stg_app__accounts') }}

),

users as (

    select
        account_id,
        count(*) as user_count
    from {{ ref('stg_app__users') }}
    group by account_id

)

select
    accounts.account_id,
    accounts.company_name,
    accounts.country_code,
    accounts.industry,
    accounts.account_manager,
    accounts.is_test_account,
    coalesce(users.user_count, 0) as user_count,
    accounts.created_at
from accounts
left join users
    on accounts.account_id = users.account_id
