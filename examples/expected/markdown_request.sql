-- Orders of any status per week and channel, zero where a channel had none.
with placed as (
    select date_trunc('week', orders.ordered_at) as week, orders.channel
    from truth.orders
    inner join truth.customers on orders.customer_id = customers.customer_id
    where not customers.is_test_account
),

grid as (
    select weeks.week, names.channel
    from (
        select unnest(generate_series(min(week), max(week), interval 7 day)) as week from placed
    ) as weeks
    cross join (select distinct channel from placed) as names
)

select
    cast(grid.week as date) as week,
    grid.channel,
    count(placed.channel) as orders
from grid
left join placed on grid.week = placed.week and grid.channel = placed.channel
group by grid.week, grid.channel
order by week, channel
