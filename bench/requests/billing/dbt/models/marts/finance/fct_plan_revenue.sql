with invoices as (

    select * from {{ ref('fct_invoices') }}
    where invoice_status <> 'void'

)

select
    {{ month_of('invoice_date') }} as revenue_month,
    plan_code,
    count(*) as invoice_count,
    sum(net_amount) as revenue
from invoices
group by 1, 2
