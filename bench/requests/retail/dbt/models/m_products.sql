{{ config(materialized='table') }}

select
    p.prod_no,
    p.prod_nm,
    p.brand,
    c.cat_nm,
    p.list_prc,
    p.list_prc - p.cost_prc as margin,
    p.is_active
from {{ ref('s_products') }} as p
left join {{ ref('s_categories') }} as c on p.cat_no = c.cat_no
