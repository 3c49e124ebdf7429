with source as (

    select * from {{ source('app', 'payments') }}

),

renamed as (

    select
        "paymentId" as payment_id,
        "invoiceId" as invoice_id,
        "method" as payment_method,
        {{ to_eur_amount('"amountCents"') }} as amount,
        "isRefund" as is_refund,
        "paidAt" as paid_at
    from source

)

select * from renamed
