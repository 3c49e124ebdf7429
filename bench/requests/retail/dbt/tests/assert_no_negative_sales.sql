select * from {{ ref('r_daily_sales') }} where amt_sales < 0
