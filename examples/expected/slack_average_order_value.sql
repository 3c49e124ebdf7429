-- Average order value per channel over the 90 days that end with the latest day that has an order.
with order_values as (
    select
        orders.order_id,
        orders.channel,
        sum(order_items.net_amount) as order_value
    from truth.orders
    inner join truth.customers on orders.customer_id = customers.customer_id
    inner join truth.order_items on orders.order_id = order_items.order_id
    where
        orders.order_status = 'completed'
        and not customers.is_test_account
        and cast(orders.ordered_at as date) > (select cast(max(ordered_at) as date) - 90 from truth.orders)
    group by orders.order_id, orders.channel
)

select
    channel,
    sum(order_value) as item_revenue,
    count(*) as completed_orders,
    sum(order_value) / count(*) as average_order_value
from order_values
group by channel
order by channel
