with accounts as (

    select * from {{ ref('dim_accounts') }}

),

invoices as (

    select
        account_id,
        sum(case when invoice_status in ('open', 'uncollectible') then total_amount else 0 end) as unpaid_amount,
        max(invoice_date) as last_invoice_date
    from {{ ref('fct_invoices') }}
    group by account_id

)

select
    accounts.account_id,
    accounts.company_name,
    accounts.user_count,
    coalesce(invoices.unpaid_amount, 0) as unpaid_amount,
    invoices.last_invoice_date
from accounts
left join invoices
    on accounts.account_id = invoices.account_id
