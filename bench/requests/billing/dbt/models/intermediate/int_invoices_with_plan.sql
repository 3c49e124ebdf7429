-- Invoices with the plan they were issued for.
with invoices as (

    select * from {{ ref('stg_app__invoices') }}

),

subscriptions as (

    select * from {{ ref('stg_app__subscriptions') }}

)

select
    invoices.*,
    subscriptions.plan_code
from invoices
left join subscriptions
    on invoices.subscription_id = subscriptions.subscription_id
