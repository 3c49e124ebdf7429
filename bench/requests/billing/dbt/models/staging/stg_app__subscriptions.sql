with source as (

    select * from {{ source('app', 'subscriptions') }}

),

renamed as (

    select
        "subscriptionId" as subscription_id,
        "accountId" as account_id,
        "planCode" as plan_code,
        "status" as subscription_status,
        "cancelReason" as cancel_reason,
        "seats" as seats,
        "startedAt" as started_at,
        "trialEndsAt" as trial_ends_at,
        "canceledAt" as canceled_at
    from source

)

select * from renamed
