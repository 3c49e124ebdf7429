-- Visits and help desk tickets.

-- Sessions that led to an order by web or app, and many more that did not.
create table web_sessions as
with converting as (
    select
        order_id,
        customer_id,
        'o' || order_id as seed,
        ordered_at - to_seconds(120 + draw(order_id, 'browsing', 2400)) as started_at
    from orders
    where channel in ('web', 'app') and not is_deleted and draw(order_id, 'tracked', 10) < 6
),

wandering as (
    select
        cast(null as integer) as order_id,
        case
            when draw(number, 'logged in', 4) = 0
                then cast(1 + draw(number, 'visitor', scaled(6200)) as integer)
        end as customer_id,
        'w' || number as seed,
        first_moment() + to_seconds(draw(number, 'visited', 912 * 86400 - 7200)) as started_at
    from range(scaled(46000)) as numbers (number)
),

together as (
    select * from converting
    union all
    select wandering.order_id, customers.customer_id, wandering.seed, wandering.started_at
    from wandering
    left join customers
        on wandering.customer_id = customers.customer_id
        and not customers.is_deleted
        and customers.signed_up_at < wandering.started_at
),

-- The site was down during the hour that local time has twice, so local time stays unambiguous.
timed as (
    select
        * exclude (started_at),
        case
            when cast(started_at as date) in (date '2024-10-27', date '2025-10-26') and hour(started_at) < 2
                then started_at + interval 3 hour
            else started_at
        end as started_at
    from together
    where started_at >= first_moment()
)

select
    md5('session' || seed) as session_id,
    customer_id,
    order_id,
    choose(seed, 'device', ['mobile', 'mobile', 'mobile', 'desktop', 'desktop', 'tablet']) as device,
    choose(seed, 'page', ['/', '/coffee', '/tea', '/sale', '/plans', '/gifts']) as landing_page,
    cast(1 + least(draw(seed, 'pages', 24), draw(seed, 'other pages', 24)) as integer) as page_view_count,
    order_id is null and customer_id is null and draw(seed, 'bot', 14) = 0 as is_bot,
    started_at
from timed;

-- One in twenty comes from somebody who is no customer.
create table support_tickets as
with addressed as (
    select
        number,
        case when draw(number, 'stranger', 20) > 0
            then cast(1 + draw(number, 'writer', scaled(6200)) as integer) end as writer_id
    from range(scaled(5000)) as numbers (number)
),

written as (
    select
        addressed.number,
        customers.customer_id,
        coalesce(customers.signed_up_at, first_moment()) + to_seconds(draw(
            number, 'opened', date_diff('second', coalesce(customers.signed_up_at, first_moment()), end_moment())
        )) as opened_at
    from addressed
    left join customers on addressed.writer_id = customers.customer_id and not customers.is_deleted
)

select
    cast(row_number() over (order by opened_at, number) as integer) as ticket_id,
    customer_id,
    choose(number, 'subject', [
        'Where is my parcel?', 'Cancel my plan', 'Wrong item', 'Invoice copy please', 'Cannot log in', 'Broken mug'
    ]) as subject,
    choose(number, 'priority', ['low', 'normal', 'normal', 'normal', 'high', 'urgent']) as priority,
    case when closes then 'closed' else choose(number, 'status', ['open', 'waiting']) end as ticket_status,
    cast(case when closes and draw(number, 'rated', 3) = 0 then 1 + draw(number, 'stars', 5) end as integer)
        as satisfaction_score,
    cast(case when draw(number, 'goodwill', 15) = 0 then 100 * (1 + draw(number, 'credit', 20)) + 50 else 0 end
        as integer) as credit_cents,
    draw(number, 'deleted', 70) = 0 as is_deleted,
    opened_at,
    case when closes then closes_at end as closed_at
from (
    select
        *,
        opened_at + to_seconds(900 + draw(number, 'worked', 6 * 86400)) as closes_at,
        draw(number, 'unsolved', 30) > 0
            and opened_at + to_seconds(900 + draw(number, 'worked', 6 * 86400)) < end_moment() as closes
    from written
) as written;
