with revenue as (

    select * from {{ ref('fct_plan_revenue') }}

)

select
    revenue_month,
    sum(invoice_count) as invoice_count,
    sum(revenue) as revenue
from revenue
group by 1
