with source as (

    select * from {{ source('app', 'invoice_items') }}

),

renamed as (

    select
        "itemId" as invoice_item_id,
        "invoiceId" as invoice_id,
        "kind" as item_kind,
        "quantity" as quantity,
        {{ to_eur_amount('"amountCents"') }} as item_amount
    from source

)

select * from renamed
