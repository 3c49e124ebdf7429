with source as (

    select * from {{ source('shop', 'orders') }}

),

-- Orders are delivered again when they change: the last delivery holds.
-- Only then can removed ones be left out, as an earlier delivery does not know of the removal.
latest as (

    select *
    from source
    qualify row_number() over (partition by id order by _loaded_at desc) = 1

),

final as (

    select
        id as order_id,
        customer_id,
        coalesce(channel, 'unknown') as channel,
        lower(trim(status)) as order_status,
        {{ cents_to_euros('shipping') }} as shipping_amount,
        created_at as ordered_at
    from latest
    where not coalesce(_deleted, false)

)

select * from final
