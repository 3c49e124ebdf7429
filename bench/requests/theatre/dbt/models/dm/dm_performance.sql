WITH sales AS (
  SELECT
    id_performance,
    COUNT(CASE WHEN cd_ticket_status = 'SOLD' THEN 1 END)             AS qty_sold,
    COUNT(CASE WHEN cd_ticket_status IN ('SOLD', 'FREE') THEN 1 END)  AS qty_guests,
    SUM(CASE WHEN cd_ticket_status = 'SOLD' THEN amt_price ELSE 0 END) AS amt_takings
  FROM {{ ref('dwh_ticket') }}
  GROUP BY id_performance
)

SELECT
  f.id_performance,
  p.nm_production,
  h.nm_hall,
  f.ts_start,
  f.cd_performance_status,
  h.qty_seats,
  COALESCE(s.qty_sold, 0)    AS qty_sold,
  COALESCE(s.amt_takings, 0) AS amt_takings,
  COALESCE(s.qty_guests, 0) * 1.0 / h.qty_seats AS pct_occupancy
FROM {{ ref('sta_performance') }} AS f
LEFT JOIN {{ ref('sta_production') }} AS p ON p.id_production = f.id_production
LEFT JOIN {{ ref('sta_hall') }} AS h ON h.cd_hall = f.cd_hall
LEFT JOIN sales AS s ON s.id_performance = f.id_performance
