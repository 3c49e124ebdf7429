with source as (

    select * from {{ source('app', 'invoices') }}

),

renamed as (

    select
        "invoiceId" as invoice_id,
        "accountId" as account_id,
        "subscriptionId" as subscription_id,
        "status" as invoice_status,
        "currency" as currency,
        {{ cents_to_eur('"totalCents"') }} as total_amount,
        {{ cents_to_eur('"taxCents"') }} as tax_amount,
        {{ cents_to_eur('"totalCents" - "taxCents"') }} as net_amount,
        {{ cents_to_eur('"discountCents"') }} as discount_amount,
        "invoiceDate" as invoice_date,
        "dueDate" as due_date,
        "paidAt" as paid_at
    from source

)

select * from renamed
