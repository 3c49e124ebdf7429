SELECT
  ord_no      AS id_order,
  cust_no     AS id_customer,
  LOWER(chan) AS cd_channel,
  ord_ts      AS ts_ordered,
  stat        AS cd_order_status
FROM {{ source('box', 'ord') }}
