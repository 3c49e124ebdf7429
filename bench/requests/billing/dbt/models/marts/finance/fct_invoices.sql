with invoices as (

    select * from {{ ref('int_invoices_with_plan') }}

),

accounts as (

    select * from {{ ref('stg_app__accounts') }}

),

final as (

    select
        invoices.invoice_id,
        invoices.account_id,
        invoices.subscription_id,
        invoices.plan_code,
        accounts.country_code,
        invoices.invoice_status,
        invoices.total_amount,
        invoices.tax_amount,
        invoices.net_amount,
        invoices.invoice_date,
        invoices.paid_at
    from invoices
    left join accounts
        on invoices.account_id = accounts.account_id

)

select * from final
