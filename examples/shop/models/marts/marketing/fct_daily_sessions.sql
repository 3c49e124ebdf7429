with sessions as (

    select * from {{ ref('stg_shop__web_sessions') }}

),

customers as (

    select * from {{ ref('stg_shop__customers') }}

),

-- Most visitors are not logged in, so they are no test account either.
counted_sessions as (

    select
        sessions.session_id,
        sessions.order_id,
        sessions.device,
        cast(sessions.started_at as date) as session_date
    from sessions
    left join customers on sessions.customer_id = customers.customer_id
    where
        not sessions.is_bot
        and not coalesce(customers.is_test_account, false)

),

final as (

    select
        session_date,
        device,
        count(*) as session_count,
        count(order_id) as converted_session_count
    from counted_sessions
    group by
        session_date,
        device

)

select * from final
