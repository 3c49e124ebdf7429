with source as (

    select * from {{ source('shop', 'subscriptions') }}

),

final as (

    select
        id as subscription_id,
        customer_id,
        plan as plan_id,
        state as status,
        start_date as started_at,
        end_date as cancelled_at
    from source
    where not coalesce(_deleted, false)

)

select * from final
