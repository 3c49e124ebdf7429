with source as (

    select * from {{ source('shop', 'invoices') }}

),

final as (

    select
        id as invoice_id,
        subscription_id,
        status as invoice_status,
        {{ cents_to_euros('amount') }} as amount,
        created_at as invoiced_at
    from source
    where not coalesce(_deleted, false)

)

select * from final
