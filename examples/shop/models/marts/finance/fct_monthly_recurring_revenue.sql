with invoices as (

    select * from {{ ref('stg_shop__invoices') }}

),

subscriptions as (

    select * from {{ ref('stg_shop__subscriptions') }}

),

plans as (

    select * from {{ ref('stg_shop__plans') }}

),

customers as (

    select * from {{ ref('stg_shop__customers') }}

),

-- Void invoices were never owed, test accounts never pay.
counted_invoices as (

    select
        invoices.subscription_id,
        subscriptions.plan_id,
        invoices.amount,
        cast(date_trunc('month', invoices.invoiced_at) as date) as revenue_month
    from invoices
    inner join subscriptions on invoices.subscription_id = subscriptions.subscription_id
    inner join customers on subscriptions.customer_id = customers.customer_id
    where
        invoices.invoice_status != 'void'
        and not customers.is_test_account

),

final as (

    select
        counted_invoices.revenue_month,
        counted_invoices.plan_id,
        plans.plan_name,
        count(distinct counted_invoices.subscription_id) as invoiced_subscription_count,
        cast(sum(counted_invoices.amount) as decimal(18, 2)) as recurring_revenue
    from counted_invoices
    inner join plans on counted_invoices.plan_id = plans.plan_id
    group by
        counted_invoices.revenue_month,
        counted_invoices.plan_id,
        plans.plan_name

)

select * from final
