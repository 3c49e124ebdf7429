with source as (

    select * from {{ source('shop', 'order_items') }}

),

final as (

    select
        id as order_item_id,
        order_id,
        product_id,
        qty as quantity,
        {{ cents_to_euros('price') }} as unit_price,
        {{ cents_to_euros('coalesce(discount, 0)') }} as discount_amount,
        {{ cents_to_euros('(qty * price - coalesce(discount, 0))') }} as net_amount
    from source
    where not coalesce(_deleted, false)

)

select * from final
