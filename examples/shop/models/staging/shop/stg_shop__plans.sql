with source as (

    select * from {{ source('shop', 'plans') }}

),

final as (

    select
        id as plan_id,
        name as plan_name,
        {{ cents_to_euros('price') }} as monthly_price
    from source

)

select * from final
