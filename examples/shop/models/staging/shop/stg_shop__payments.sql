with source as (

    select * from {{ source('shop', 'payments') }}

),

-- The last delivery of a payment holds.
latest as (

    select *
    from source
    qualify row_number() over (partition by id order by _loaded_at desc) = 1

),

final as (

    select
        id as payment_id,
        order_id,
        order_item_id,
        invoice_id,
        kind as payment_kind,
        method as payment_method,
        {{ cents_to_euros('amount') }} as amount,
        processed_at as paid_at
    from latest
    where not coalesce(_deleted, false)

)

select * from final
