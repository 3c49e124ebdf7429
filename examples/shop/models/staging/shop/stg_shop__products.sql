with source as (

    select * from {{ source('shop', 'products') }}

),

final as (

    select
        id as product_id,
        title as product_name,
        coalesce(category, 'uncategorised') as category,
        {{ cents_to_euros('price') }} as list_price
    from source

)

select * from final
