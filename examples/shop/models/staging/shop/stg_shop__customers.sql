with source as (

    select * from {{ source('shop', 'customers') }}

),

final as (

    select
        id as customer_id,
        -- region 0 is "Unassigned"
        coalesce(geo_id, 0) as region_id,
        -- named region at the source, but it is the sales office
        region as sales_office_id,
        name as customer_name,
        email,
        phone,
        coalesce(is_test, false)
        or coalesce(email like '%@internal.shop.example', false) as is_test_account,
        created_at as signed_up_at
    from source
    where deleted_at is null

)

select * from final
