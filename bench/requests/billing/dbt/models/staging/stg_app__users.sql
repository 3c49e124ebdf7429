with source as (

    select * from {{ source('app', 'users') }}

),

renamed as (

    select
        "userId" as user_id,
        "accountId" as account_id,
        "email" as email,
        "fullName" as full_name,
        "role" as user_role,
        "isActive" as is_active,
        "createdAt" as created_at,
        "lastSeenAt" as last_seen_at
    from source

)

select * from renamed
