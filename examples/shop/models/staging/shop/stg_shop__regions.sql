with source as (

    select * from {{ source('shop', 'regions') }}

),

final as (

    select
        id as region_id,
        name as region_name
    from source

)

select * from final
