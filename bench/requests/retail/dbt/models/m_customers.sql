{{ config(materialized='table') }}

with orders as (
    select
        cust_no,
        count(*) as ord_cnt,
        min(ord_dt) as first_ord_dt,
        sum(amt_gross) as amt_gross
    from {{ ref('w_orders') }}
    where stat_cd <> 'X'
    group by cust_no
)

select
    c.cust_no,
    c.city,
    c.reg_dt,
    c.has_newsletter,
    coalesce(o.ord_cnt, 0) as ord_cnt,
    o.first_ord_dt,
    coalesce(o.amt_gross, 0) as amt_gross
from {{ ref('s_customers') }} as c
left join orders as o on c.cust_no = o.cust_no
where not c.is_deleted
