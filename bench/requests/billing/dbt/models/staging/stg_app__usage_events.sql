with source as (

    select * from {{ source('app', 'usage_events') }}

),

renamed as (

    select
        "eventId" as event_id,
        "accountId" as account_id,
        "userId" as user_id,
        "feature" as feature,
        "units" as units,
        "occurredAt" as occurred_at
    from source

)

select * from renamed
