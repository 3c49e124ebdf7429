with source as (

    select * from {{ source('shop', 'web_sessions') }}

),

final as (

    select
        id as session_id,
        customer_id,
        order_id,
        device,
        page as landing_page,
        page_views as page_view_count,
        is_bot,
        -- the tracker writes Berlin wall-clock time, whatever the name says
        (started_at_utc at time zone 'Europe/Berlin') at time zone 'UTC' as started_at
    from source

)

select * from final
