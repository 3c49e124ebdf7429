-- What fct_monthly_recurring_revenue holds already, and the number of all invoices beside it.
with invoices as (
    select
        date_trunc('month', invoices.invoiced_at) as month,
        plans.plan_name,
        invoices.amount,
        invoices.invoice_status in ('paid', 'open') and not customers.is_test_account as is_owed
    from truth.invoices
    inner join truth.subscriptions on invoices.subscription_id = subscriptions.subscription_id
    inner join truth.customers on subscriptions.customer_id = customers.customer_id
    inner join truth.plans on subscriptions.plan_id = plans.plan_id
)

select
    cast(month as date) as revenue_month,
    plan_name,
    sum(amount) filter (where is_owed) as recurring_revenue,
    count(*) as invoices
from invoices
group by month, plan_name
order by revenue_month, plan_name
