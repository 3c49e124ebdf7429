-- Completed orders per month and channel, zero where a channel had none.
with completed as (
    select date_trunc('month', orders.ordered_at) as month, orders.channel
    from truth.orders
    inner join truth.customers on orders.customer_id = customers.customer_id
    where orders.order_status = 'completed' and not customers.is_test_account
),

grid as (
    select months.month, names.channel
    from (
        select unnest(generate_series(min(month), max(month), interval 1 month)) as month from completed
    ) as months
    cross join (select distinct channel from completed) as names
)

select
    cast(grid.month as date) as month,
    grid.channel,
    count(completed.channel) as completed_orders
from grid
left join completed on grid.month = completed.month and grid.channel = completed.channel
group by grid.month, grid.channel
order by month, channel
