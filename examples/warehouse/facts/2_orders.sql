-- Orders, their lines, and the money that moved.

create table orders as
with counted as (
    select
        *,
        least(date_diff('day', signed_up_at, end_moment()) * draw(customer_id, 'appetite', 21) // 720, 60)
            as order_count
    from customers
    where not is_deleted
),

placed as (
    select
        counted.*,
        customer_id * 100 + unnest(range(0, order_count)) as seed
    from counted
),

timed as (
    select
        *,
        signed_up_at + to_seconds(draw(seed, 'ordered', date_diff('second', signed_up_at, end_moment())))
            as ordered_at
    from placed
)

select
    cast(row_number() over (order by ordered_at, seed) as integer) as order_id,
    customer_id,
    case
        when draw(seed, 'unknown channel', 200) = 0 then 'unknown'
        -- The telephone line was closed at the end of 2025.
        when draw(seed, 'by phone', 12) = 0 and ordered_at < timestamp '2026-01-01 00:00:00' then 'phone'
        else choose(seed, 'channel', ['web', 'web', 'web', 'web', 'web', 'app', 'app', 'app', 'marketplace'])
    end as channel,
    case
        when draw(seed, 'cancelled', 12) = 0 then 'cancelled'
        when ordered_at > end_moment() - interval 4 day and draw(seed, 'open', 2) = 0 then 'pending'
        when ordered_at > end_moment() - interval 12 day and draw(seed, 'open', 2) = 0 then 'shipped'
        when draw(seed, 'stuck', 60) = 0 then 'pending'
        else 'completed'
    end as order_status,
    cast(choose(seed, 'shipping', [0, 0, 390, 390, 590]) as integer) as shipping_cents,
    draw(seed, 'deleted', 90) = 0 as is_deleted,
    ordered_at
from timed;

-- Line 1 is always kept; other lines may have been taken out of the order.
create table order_items as
with lines as (
    select
        order_id,
        is_deleted,
        ordered_at,
        unnest(range(1, choose(order_id, 'lines', [1, 1, 2, 2, 3]) + 1)) as line
    from orders
),

picked as (
    select
        cast(row_number() over (order by order_id, line) as integer) as order_item_id,
        lines.*,
        cast(1 + draw(order_id * 10 + line, 'product', 120) as integer) as product_id,
        cast(choose(order_id * 10 + line, 'quantity', [1, 1, 1, 2, 2, 3]) as integer) as quantity
    from lines
)

select
    picked.order_item_id,
    picked.order_id,
    picked.product_id,
    picked.quantity,
    products.list_price_cents as unit_price_cents,
    cast(case
        when draw(order_item_id, 'discounted', 10) < 3
            then quantity * list_price_cents * (5 + draw(order_item_id, 'discount', 16)) // 100
        else 0
    end as integer) as discount_cents,
    is_deleted or (line > 1 and draw(order_item_id, 'deleted', 80) = 0) as is_deleted,
    ordered_at
from picked
inner join products on picked.product_id = products.product_id;

-- Charges for invoices and orders, refunds for single items of completed orders.
-- Refunds name the item alone, charges the order or the invoice alone.
create table payments as
with order_totals as (
    select
        order_id,
        sum(quantity * unit_price_cents - discount_cents) as net_cents
    from order_items
    where not is_deleted
    group by order_id
),

charged_orders as (
    select
        'charge' as payment_kind,
        orders.order_id,
        cast(null as integer) as order_item_id,
        cast(null as integer) as invoice_id,
        orders.shipping_cents + coalesce(order_totals.net_cents, 0) as amount_cents,
        orders.is_deleted,
        orders.ordered_at + to_seconds(20 + draw(orders.order_id, 'charged', 900)) as paid_at
    from orders
    left join order_totals on orders.order_id = order_totals.order_id
    where orders.order_status in ('completed', 'shipped')
),

charged_invoices as (
    select
        'charge' as payment_kind,
        cast(null as integer) as order_id,
        cast(null as integer) as order_item_id,
        invoice_id,
        amount_cents,
        is_deleted,
        invoiced_at + to_seconds(3600 + draw(invoice_id, 'charged', 4 * 86400)) as paid_at
    from invoices
    where invoice_status = 'paid'
),

refunded as (
    select
        'refund' as payment_kind,
        cast(null as integer) as order_id,
        order_items.order_item_id,
        cast(null as integer) as invoice_id,
        (quantity * unit_price_cents - discount_cents) // (1 + draw(order_item_id, 'part', 2)) as amount_cents,
        false as is_deleted,
        order_items.ordered_at + to_days(cast(1 + draw(order_item_id, 'days', 45) as integer))
            + to_seconds(draw(order_item_id, 'seconds', 40000)) as paid_at
    from order_items
    inner join orders on order_items.order_id = orders.order_id
    where
        orders.order_status = 'completed'
        and not order_items.is_deleted
        and draw(order_item_id, 'refunded', 22) = 0
),

together as (
    select * from charged_orders
    union all
    select * from charged_invoices
    union all
    select * from refunded
)

select
    cast(row_number() over (order by paid_at, payment_kind, order_id, order_item_id, invoice_id) as integer)
        as payment_id,
    order_id,
    order_item_id,
    invoice_id,
    payment_kind,
    cast(amount_cents as integer) as amount_cents,
    is_deleted,
    paid_at
from together
where paid_at < end_moment();
