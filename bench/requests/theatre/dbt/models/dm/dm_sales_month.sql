SELECT
  CAST(DATE_TRUNC('month', ts_sold) AS DATE) AS dt_month,
  cd_genre,
  COUNT(*)       AS qty_tickets,
  SUM(amt_price) AS amt_takings
FROM {{ ref('dwh_ticket') }}
WHERE cd_ticket_status = 'SOLD'
GROUP BY 1, 2
