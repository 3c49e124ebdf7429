with orders as (

    select * from {{ ref('stg_shop__orders') }}

),

order_items as (

    select * from {{ ref('stg_shop__order_items') }}

),

customers as (

    select * from {{ ref('stg_shop__customers') }}

),

order_totals as (

    select
        order_id,
        count(*) as item_count,
        sum(net_amount) as net_amount
    from order_items
    group by order_id

),

final as (

    select
        orders.order_id,
        orders.customer_id,
        orders.channel,
        orders.order_status,
        coalesce(order_totals.item_count, 0) as item_count,
        cast(coalesce(order_totals.net_amount, 0) as decimal(18, 2)) as net_amount,
        orders.shipping_amount,
        customers.is_test_account,
        orders.ordered_at
    from orders
    left join order_totals on orders.order_id = order_totals.order_id
    left join customers on orders.customer_id = customers.customer_id

)

select * from final
