{{ config(materialized='table') }}

select
    cast(ord_dt as date) as sales_dt,
    chan,
    count(distinct ord_no) as ord_cnt,
    sum(qty) as qty,
    sum(amt_line) as amt_sales
from {{ ref('m_sales') }}
where stat_cd <> 'X'
group by 1, 2
