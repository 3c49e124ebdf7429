-- The facts as the loaders deliver them, with the mess of real data.

create macro cut_off() as timestamp '2026-07-01 05:00:00';

-- Rows arrive within the hour; one in fifty comes days late.
create macro first_load(key, topic, happened_at) as
    happened_at + to_seconds(300 + draw(key, topic || ' load', 3300));

create macro arrival(key, topic, happened_at) as least(
    first_load(key, topic, happened_at)
    + to_days(cast(case when draw(key, topic || ' late', 50) = 0
        then 1 + draw(key, topic || ' days late', 9) else 0 end as integer)),
    cut_off()
);

-- A second delivery is later than the first and holds what is true.
create macro deliveries(key, topic, is_deleted) as
    case
        when draw(key, topic || ' again', 25) = 0 or (is_deleted and draw(key, topic || ' seen', 3) > 0) then [1, 2]
        else [2]
    end;

create macro delivered_at(key, topic, happened_at, delivery) as case
    when delivery = 1 then first_load(key, topic, happened_at) - interval 4 minute
    else arrival(key, topic, happened_at)
end;

-- The flag exists since March 2024; rows loaded before have none.
create macro deletion_flag(is_deleted, loaded_at) as case
    when not is_deleted and loaded_at < timestamp '2024-03-01 00:00:00' then null else is_deleted
end;

create macro scribbled(key, topic, word) as case draw(key, topic || ' hand', 6)
    when 0 then upper(word)
    when 1 then upper(left(word, 1)) || substr(word, 2)
    when 2 then ' ' || word || ' '
    else word
end;

create macro berlin_time(moment) as (moment at time zone 'UTC') at time zone 'Europe/Berlin';

create table raw.regions as
select region_id as id, region_name as name, first_moment() as _loaded_at from regions order by id;

create table raw.plans as
select plan_id as id, plan_name as name, monthly_cents as price, first_moment() as _loaded_at from plans order by id;

create table raw.products as
select
    product_id as id,
    product_name as title,
    nullif(category, 'uncategorised') as category,
    list_price_cents as price,
    first_moment() as _loaded_at
from products
order by id;

create table raw.customers as
select
    customer_id as id,
    customer_name as name,
    email,
    sales_office_id as region,
    case when region_id = 0 and draw(customer_id, 'no region', 2) = 0 then null else region_id end as geo_id,
    case
        when is_test_account and coalesce(email not like '%@internal.shop.example', true) then true
        when draw(customer_id, 'no flag', 8) = 0 then null
        else false
    end as is_test,
    case when draw(customer_id, 'phone', 3) = 0 then '+49 30 5550' || lpad(cast(customer_id as varchar), 5, '0') end
        as phone,
    cast(arrival(customer_id, 'customers', signed_up_at) as date) as date,
    signed_up_at as created_at,
    case when is_deleted then least(signed_up_at + interval 9 day, cut_off()) end as deleted_at,
    arrival(customer_id, 'customers', signed_up_at) as _loaded_at
from customers
order by _loaded_at, id;

create table raw.subscriptions as
select
    subscription_id as id,
    customer_id,
    plan_id as plan,
    status as state,
    started_at as start_date,
    cancelled_at as end_date,
    is_deleted as _deleted,
    arrival(subscription_id, 'subscriptions', coalesce(cancelled_at, started_at)) as _loaded_at
from subscriptions
order by _loaded_at, id;

create table raw.invoices as
select
    invoice_id as id,
    subscription_id,
    amount_cents as amount,
    invoice_status as status,
    cast(arrival(invoice_id, 'invoices', invoiced_at) as date) as date,
    invoiced_at as created_at,
    is_deleted as _deleted,
    arrival(invoice_id, 'invoices', invoiced_at) as _loaded_at
from invoices
order by _loaded_at, id;

create table raw.orders as
with delivered as (
    select *, unnest(deliveries(order_id, 'orders', is_deleted)) as delivery from orders
),

loaded as (
    select
        *,
        is_deleted and delivery = 2 as is_deleted_now,
        delivered_at(order_id, 'orders', ordered_at, delivery) as loaded_at
    from delivered
)

select
    order_id as id,
    customer_id,
    nullif(channel, 'unknown') as channel,
    scribbled(order_id, 'orders', case when delivery = 1 then 'pending' else order_status end) as status,
    shipping_cents as shipping,
    cast(loaded_at as date) as date,
    ordered_at as created_at,
    deletion_flag(is_deleted_now, loaded_at) as _deleted,
    loaded_at as _loaded_at
from loaded
order by _loaded_at, id, delivery;

create table raw.order_items as
select
    order_item_id as id,
    order_id,
    product_id,
    quantity as qty,
    unit_price_cents as price,
    nullif(discount_cents, 0) as discount,
    is_deleted as _deleted,
    arrival(order_id, 'orders', ordered_at) as _loaded_at
from order_items
order by _loaded_at, id;

create table raw.payments as
with delivered as (
    select *, unnest(deliveries(payment_id, 'payments', is_deleted)) as delivery from payments
),

loaded as (
    select
        *,
        is_deleted and delivery = 2 as is_deleted_now,
        delivered_at(payment_id, 'payments', paid_at, delivery) as loaded_at
    from delivered
)

select
    payment_id as id,
    payment_kind as kind,
    order_id,
    order_item_id,
    invoice_id,
    case when delivery = 1 and draw(payment_id, 'revised', 2) = 0 then amount_cents + 100 else amount_cents end
        as amount,
    choose(payment_id, 'method', ['card', 'card', 'paypal', 'sepa', null]) as method,
    cast(loaded_at as date) as date,
    paid_at as processed_at,
    deletion_flag(is_deleted_now, loaded_at) as _deleted,
    loaded_at as _loaded_at
from loaded
order by _loaded_at, id, delivery;

create table raw.web_sessions as
select
    session_id as id,
    customer_id,
    order_id,
    device,
    landing_page as page,
    page_view_count as page_views,
    is_bot,
    cast(arrival(session_id, 'web_sessions', started_at) as date) as date,
    berlin_time(started_at) as started_at_utc,
    arrival(session_id, 'web_sessions', started_at) as _loaded_at
from web_sessions
order by _loaded_at, id;

create table raw.support_tickets as
with delivered as (
    select *, unnest(deliveries(ticket_id, 'support_tickets', is_deleted)) as delivery from support_tickets
),

loaded as (
    select
        *,
        is_deleted and delivery = 2 as is_deleted_now,
        greatest(
            delivered_at(ticket_id, 'support_tickets', opened_at, delivery),
            case when delivery = 2 then least(closed_at + interval 10 minute, cut_off()) end
        ) as loaded_at
    from delivered
)

select
    ticket_id as id,
    customer_id,
    subject,
    scribbled(ticket_id, 'priority', priority) as priority,
    scribbled(ticket_id, 'tickets', case when delivery = 1 then 'open' else ticket_status end) as status,
    case when delivery = 2 then satisfaction_score end as csat,
    credit_cents as credit,
    cast(loaded_at as date) as date,
    opened_at,
    case when delivery = 2 then closed_at end as closed_at,
    deletion_flag(is_deleted_now, loaded_at) as _deleted,
    loaded_at as _loaded_at
from loaded
order by _loaded_at, id, delivery;
