with source as (

    select * from {{ source('app', 'accounts') }}

),

renamed as (

    select
        "accountId" as account_id,
        "companyName" as company_name,
        "countryCode" as country_code,
        coalesce("industry", 'unknown') as industry,
        "accountManager" as account_manager,
        "parentAccountId" as parent_account_id,
        "isTest" as is_test_account,
        "createdAt" as created_at
    from source

)

select * from renamed
