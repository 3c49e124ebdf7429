SELECT
  t.id_ticket,
  t.id_order,
  o.id_customer,
  o.cd_channel,
  o.cd_order_status,
  t.cd_ticket_status,
  t.cd_seat_category,
  t.cd_discount,
  t.amt_price,
  t.ts_sold,
  t.ts_returned,
  t.id_performance,
  f.ts_start,
  f.cd_hall,
  f.cd_performance_status,
  f.id_production,
  p.nm_production,
  p.cd_genre
FROM {{ ref('sta_ticket') }} AS t
LEFT JOIN {{ ref('sta_order') }} AS o ON o.id_order = t.id_order
LEFT JOIN {{ ref('sta_performance') }} AS f ON f.id_performance = t.id_performance
LEFT JOIN {{ ref('sta_production') }} AS p ON p.id_production = f.id_production
