with customers as (

    select * from {{ ref('stg_shop__customers') }}

),

regions as (

    select * from {{ ref('stg_shop__regions') }}

),

orders as (

    select * from {{ ref('stg_shop__orders') }}

),

subscriptions as (

    select * from {{ ref('stg_shop__subscriptions') }}

),

customer_orders as (

    select
        customer_id,
        count(*) as completed_order_count,
        min(ordered_at) as first_order_at,
        max(ordered_at) as last_order_at
    from orders
    where order_status = 'completed'
    group by customer_id

),

customer_subscriptions as (

    select
        customer_id,
        count(*) as subscription_count,
        bool_or(status = 'active') as has_running_subscription
    from subscriptions
    group by customer_id

),

final as (

    select
        customers.customer_id,
        customers.region_id,
        regions.region_name,
        customers.customer_name,
        coalesce(customer_orders.completed_order_count, 0) as completed_order_count,
        coalesce(customer_subscriptions.subscription_count, 0) as subscription_count,
        coalesce(customer_subscriptions.has_running_subscription, false) as has_running_subscription,
        customers.is_test_account,
        customers.signed_up_at,
        customer_orders.first_order_at,
        customer_orders.last_order_at
    from customers
    left join regions on customers.region_id = regions.region_id
    left join customer_orders on customers.customer_id = customer_orders.customer_id
    left join customer_subscriptions on customers.customer_id = customer_subscriptions.customer_id

)

select * from final
