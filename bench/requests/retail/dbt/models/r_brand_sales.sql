{{ config(materialized='table') }}

select
    brand,
    sum(qty) as qty,
    sum(amt_line) as amt_sales
from {{ ref('m_sales') }}
where stat_cd <> 'X'
group by 1
