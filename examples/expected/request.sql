-- Refunds per month and region of the customer, in euros.
with refunds as (
    select
        date_trunc('month', payments.paid_at) as month,
        regions.region_name,
        payments.amount
    from truth.payments
    inner join truth.order_items on payments.order_item_id = order_items.order_item_id
    inner join truth.orders on order_items.order_id = orders.order_id
    inner join truth.customers on orders.customer_id = customers.customer_id
    inner join truth.regions on customers.region_id = regions.region_id
    where payments.payment_kind = 'refund' and not customers.is_test_account
),

grid as (
    select months.month, names.region_name
    from (
        select unnest(generate_series(min(month), max(month), interval 1 month)) as month from refunds
    ) as months
    cross join (select distinct region_name from refunds) as names
)

select
    cast(grid.month as date) as month,
    grid.region_name,
    coalesce(sum(refunds.amount), 0) as refunded
from grid
left join refunds on grid.month = refunds.month and grid.region_name = refunds.region_name
group by grid.month, grid.region_name
order by month, region_name
