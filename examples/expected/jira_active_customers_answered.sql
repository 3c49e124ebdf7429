-- Customers with at least one completed order in the month.
with buyers as (
    select distinct date_trunc('month', orders.ordered_at) as month, orders.customer_id
    from truth.orders
    inner join truth.customers on orders.customer_id = customers.customer_id
    where orders.order_status = 'completed' and not customers.is_test_account
),

months as (
    select unnest(generate_series(min(month), max(month), interval 1 month)) as month from buyers
)

select
    cast(months.month as date) as month,
    count(buyers.customer_id) as active_customers
from months
left join buyers on months.month = buyers.month
group by months.month
order by month
