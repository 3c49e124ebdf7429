-- Churn rate per week and region: every week and region, null where nobody was active when the week began.
with counted as (
    select subscriptions.*, regions.region_name
    from truth.subscriptions
    inner join truth.customers on subscriptions.customer_id = customers.customer_id
    inner join truth.regions on customers.region_id = regions.region_id
    where not customers.is_test_account
),

bounds as (
    select
        date_trunc('week', min(started_at)) as first_week,
        date_trunc('week', greatest(max(started_at), max(cancelled_at))) as last_week
    from counted
),

weeks as (
    select unnest(generate_series(first_week, last_week, interval 7 day)) as week from bounds
),

grid as (
    select weeks.week, names.region_name
    from weeks
    cross join (select distinct region_name from counted) as names
)

select
    cast(grid.week as date) as week,
    grid.region_name,
    count(*) filter (
        where counted.cancelled_at >= grid.week and counted.cancelled_at < grid.week + interval 7 day
    ) as cancelled,
    count(*) filter (
        where counted.started_at <= grid.week
            and (counted.cancelled_at is null or counted.cancelled_at > grid.week)
    ) as active_at_start,
    cancelled / nullif(active_at_start, 0) as churn_rate
from grid
inner join counted on grid.region_name = counted.region_name
group by grid.week, grid.region_name
order by week, region_name
