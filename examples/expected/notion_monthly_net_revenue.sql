-- Net revenue per month and product category: items dated by the order, refunds by the day of the refund.
with items as (
    select
        order_items.order_item_id,
        products.category,
        orders.order_status,
        orders.ordered_at,
        order_items.net_amount
    from truth.order_items
    inner join truth.orders on order_items.order_id = orders.order_id
    inner join truth.customers on orders.customer_id = customers.customer_id
    inner join truth.products on order_items.product_id = products.product_id
    where not customers.is_test_account
),

movements as (
    select date_trunc('month', ordered_at) as month, category, net_amount as sold, 0 as returned
    from items
    where order_status = 'completed'
    union all
    select date_trunc('month', payments.paid_at), items.category, 0, payments.amount
    from truth.payments
    inner join items on payments.order_item_id = items.order_item_id
    where payments.payment_kind = 'refund'
),

grid as (
    select months.month, names.category
    from (
        select unnest(generate_series(min(month), max(month), interval 1 month)) as month from movements
    ) as months
    cross join (select distinct category from movements) as names
)

select
    cast(grid.month as date) as month,
    grid.category,
    coalesce(sum(movements.sold), 0) as item_revenue,
    coalesce(sum(movements.returned), 0) as refunded,
    coalesce(sum(movements.sold - movements.returned), 0) as net_revenue
from grid
left join movements on grid.month = movements.month and grid.category = movements.category
group by grid.month, grid.category
order by month, category
