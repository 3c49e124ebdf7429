-- The facts as they should be reported: nothing deleted, euros instead of cents, UTC.

create macro euros(cents) as cast(cents / 100.0 as decimal(18, 2));

create table truth.regions as select * from regions order by region_id;

create table truth.plans as
select plan_id, plan_name, euros(monthly_cents) as monthly_price from plans order by plan_id;

create table truth.products as
select product_id, product_name, category, euros(list_price_cents) as list_price from products order by product_id;

create table truth.customers as
select customer_id, customer_name, email, region_id, sales_office_id, is_test_account, signed_up_at
from customers where not is_deleted order by customer_id;

create table truth.subscriptions as
select subscription_id, customer_id, plan_id, status, started_at, cancelled_at
from subscriptions where not is_deleted order by subscription_id;

create table truth.invoices as
select invoice_id, subscription_id, euros(amount_cents) as amount, invoice_status, invoiced_at
from invoices where not is_deleted order by invoice_id;

create table truth.orders as
select order_id, customer_id, channel, order_status, euros(shipping_cents) as shipping_amount, ordered_at
from orders where not is_deleted order by order_id;

create table truth.order_items as
select
    order_item_id,
    order_id,
    product_id,
    quantity,
    euros(unit_price_cents) as unit_price,
    euros(discount_cents) as discount_amount,
    euros(quantity * unit_price_cents - discount_cents) as net_amount
from order_items where not is_deleted order by order_item_id;

create table truth.payments as
select payment_id, order_id, order_item_id, invoice_id, payment_kind, euros(amount_cents) as amount, paid_at
from payments where not is_deleted order by payment_id;

create table truth.web_sessions as
select session_id, customer_id, order_id, device, landing_page, page_view_count, is_bot, started_at
from web_sessions order by started_at, session_id;

create table truth.support_tickets as
select
    ticket_id,
    customer_id,
    subject,
    priority,
    ticket_status,
    satisfaction_score,
    euros(credit_cents) as credit_amount,
    opened_at,
    closed_at
from support_tickets where not is_deleted order by ticket_id;
