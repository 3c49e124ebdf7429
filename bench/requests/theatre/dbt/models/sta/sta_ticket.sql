SELECT
  tkt_no           AS id_ticket,
  ord_no           AS id_order,
  perf_no          AS id_performance,
  TRIM(seat_cat)   AS cd_seat_category,
  price_ct / 100.0 AS amt_price,
  disc_cd          AS cd_discount,
  stat             AS cd_ticket_status,
  sold_ts          AS ts_sold,
  ret_ts           AS ts_returned
FROM {{ source('box', 'tkt') }}
