-- The region of each order's customer, test accounts included, as fct_orders has them.
select
    orders.order_id,
    (
        select regions.region_name
        from truth.customers
        inner join truth.regions on customers.region_id = regions.region_id
        where customers.customer_id = orders.customer_id
    ) as region_name
from truth.orders
order by order_id
