-- fct_orders and the items behind it must tell the same revenue.
with orders as (

    select sum(net_amount) as net_amount from {{ ref('fct_orders') }}

),

order_items as (

    select sum(net_amount) as net_amount from {{ ref('stg_shop__order_items') }}

)

select
    orders.net_amount as order_amount,
    order_items.net_amount as item_amount
from orders
cross join order_items
where orders.net_amount is distinct from order_items.net_amount
