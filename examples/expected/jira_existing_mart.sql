-- What fct_monthly_recurring_revenue holds already.
with owed as (
    select
        date_trunc('month', invoices.invoiced_at) as month,
        plans.plan_name,
        invoices.amount
    from truth.invoices
    inner join truth.subscriptions on invoices.subscription_id = subscriptions.subscription_id
    inner join truth.customers on subscriptions.customer_id = customers.customer_id
    inner join truth.plans on subscriptions.plan_id = plans.plan_id
    where invoices.invoice_status in ('paid', 'open') and not customers.is_test_account
)

select
    cast(month as date) as revenue_month,
    plan_name,
    sum(amount) as recurring_revenue
from owed
group by month, plan_name
order by revenue_month, plan_name
