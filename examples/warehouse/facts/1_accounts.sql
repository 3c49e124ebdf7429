-- What happened in the shop, clean and complete: the source of both databases.
-- Chance comes from draw() and choose() alone (MD5 of a key), so every machine gets the same rows.
-- Amounts are cents, timestamps UTC. is_deleted marks what the shop's systems removed later.

create macro draw(key, topic, sides) as
    cast(md5_number_lower(concat(key, ':', topic)) % cast(sides as ubigint) as bigint);

create macro choose(key, topic, options) as options[draw(key, topic, len(options)) + 1];

create macro first_moment() as timestamp '2024-01-01 00:00:00';
create macro end_moment() as timestamp '2026-07-01 00:00:00';  -- exclusive

create table regions (region_id integer, region_name varchar);

insert into regions values
    (0, 'Unassigned'),
    (1, 'DACH'),
    (2, 'Nordics'),
    (3, 'Benelux'),
    (4, 'UK & Ireland'),
    (5, 'Southern Europe'),
    (6, 'Eastern Europe');  -- opens later: nobody lives there yet

create table plans (plan_id integer, plan_name varchar, monthly_cents integer);

insert into plans values (1, 'Basic', 990), (2, 'Plus', 1990), (3, 'Pro', 4900), (4, 'Team', 12900);

create table products as
select
    cast(number as integer) as product_id,
    choose(number, 'adjective', ['Amber', 'Birch', 'Coral', 'Dusk', 'Fern', 'Harbour', 'Linen', 'Moss'])
        || ' ' || choose(number, 'noun', ['Mug', 'Lamp', 'Blend', 'Notebook', 'Tray', 'Candle', 'Basket'])
        || ' No. ' || number as product_name,
    case
        when number % 40 = 0 then 'uncategorised'
        else choose(number, 'category', ['coffee', 'tea', 'kitchen', 'home', 'garden', 'stationery', 'gifts'])
    end as category,
    cast(290 + draw(number, 'price', 9000) as integer) as list_price_cents
from range(1, 121) as numbers (number);

-- One in fifty customers is a test account, one in a hundred is removed (those never bought anything).
-- A tenth was taken over from the old shop on the first two days.
create table customers as
with drawn as (
    select
        number as customer_id,
        case
            when draw(number, 'taken over', 10) = 0 then draw(number, 'minute', 2 * 1440) * 60
            else draw(number, 'signed up', 909 * 86400)
        end as second,
        draw(number, 'kind', 100) as kind
    from range(1, scaled(6200) + 1) as numbers (number)
)
select
    cast(customer_id as integer) as customer_id,
    choose(customer_id, 'first', ['Ada', 'Ben', 'Chiara', 'Dario', 'Elif', 'Finn', 'Greta', 'Hugo', 'Ines', 'Jonas'])
        || ' ' || choose(customer_id, 'last', ['Keller', 'Lind', 'Moreau', 'Novak', 'Okafor', 'Peters', 'Rossi'])
        as customer_name,
    case
        when kind in (0, 1) and draw(customer_id, 'flag', 2) = 0 then 'qa+' || customer_id || '@internal.shop.example'
        when draw(customer_id, 'no mail', 40) = 0 then null
        else 'customer' || customer_id || '@'
            || choose(customer_id, 'host', ['mail.example', 'post.example', 'inbox.example'])
    end as email,
    cast(choose(customer_id, 'region', [0, 1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 4, 5, 5]) as integer) as region_id,
    cast(1 + draw(customer_id, 'office', 18) as integer) as sales_office_id,
    kind in (0, 1) as is_test_account,
    kind = 2 as is_deleted,
    first_moment() + to_seconds(second) as signed_up_at
from drawn;

-- Up to two subscriptions each, the second some time after the first ended.
-- A tenth of them begins, and a tenth ends, exactly at midnight.
create table subscriptions as
with first_ones as (
    select
        customer_id * 2 as subscription_id,
        customer_id,
        case
            when signed_up_at < first_moment() + interval 2 day then signed_up_at
            else signed_up_at + to_days(cast(draw(customer_id, 'trial', 12) as integer))
        end as started_at
    from customers
    where not is_deleted and draw(customer_id, 'subscribes', 100) < 76
),

lived as (
    select
        *,
        started_at + to_days(cast(least(
            draw(subscription_id, 'life', 700), draw(subscription_id, 'other life', 700)
        ) as integer)) + to_seconds(draw(subscription_id, 'second', 86400) + 60) as ends_at,
        draw(subscription_id, 'stays', 100) < 35 as stays
    from first_ones
),

second_ones as (
    select
        subscription_id + 1 as subscription_id,
        customer_id,
        ends_at + to_days(cast(10 + draw(subscription_id, 'pause', 90) as integer)) as started_at
    from lived
    where not stays and draw(subscription_id, 'returns', 5) = 0
),

all_of_them as (
    select subscription_id, customer_id, started_at, ends_at, stays from lived
    union all
    select
        subscription_id,
        customer_id,
        started_at,
        started_at + to_days(cast(2 + draw(subscription_id, 'life', 400) as integer)),
        draw(subscription_id, 'stays', 100) < 50
    from second_ones
),

rounded as (
    select
        subscription_id,
        customer_id,
        case when draw(subscription_id, 'start', 10) = 0 then date_trunc('day', started_at) else started_at end
            as started_at,
        case when draw(subscription_id, 'end', 10) = 0 then date_trunc('day', ends_at) + interval 1 day else ends_at end
            as ends_at,
        stays
    from all_of_them
)

select
    cast(row_number() over (order by started_at, subscription_id) as integer) as subscription_id,
    customer_id,
    cast(choose(subscription_id, 'plan', [1, 1, 1, 1, 2, 2, 2, 3, 3, 4]) as integer) as plan_id,
    case when stays or ends_at >= end_moment() then 'active' else 'cancelled' end as status,
    draw(subscription_id, 'deleted', 120) = 0 as is_deleted,
    started_at,
    case when stays or ends_at >= end_moment() then null else ends_at end as cancelled_at
from rounded
where started_at < end_moment();

-- One a month for as long as the subscription runs. A removed subscription takes its invoices along.
create table invoices as
with months as (
    select
        subscriptions.*,
        plans.monthly_cents,
        unnest(range(0, 30)) as month_number
    from subscriptions
    inner join plans on subscriptions.plan_id = plans.plan_id
),

billed as (
    select
        *,
        started_at + to_months(cast(month_number as integer)) as invoiced_at
    from months
)

select
    cast(row_number() over (order by invoiced_at, subscription_id) as integer) as invoice_id,
    subscription_id,
    cast(case
        when draw(subscription_id, 'voucher', 12) = 0 and month_number < 3 then monthly_cents // 2
        else monthly_cents
    end as integer) as amount_cents,
    choose(subscription_id * 100 + month_number, 'invoice',
        list_concat(['void', 'open'], list_resize(['paid'], 30, 'paid'))) as invoice_status,
    is_deleted,
    invoiced_at
from billed
where invoiced_at < least(coalesce(cancelled_at, end_moment()), end_moment());
