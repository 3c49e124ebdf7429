with source as (

    select * from {{ source('app', 'plans') }}

),

renamed as (

    select
        "planCode" as plan_code,
        "planName" as plan_name,
        "billingPeriod" as billing_period,
        "channel" as sales_channel,
        {{ cents_to_eur('"priceCents"') }} as list_price,
        "isPublic" as is_public
    from source

)

select * from renamed
