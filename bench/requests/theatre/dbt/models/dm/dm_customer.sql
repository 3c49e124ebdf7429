WITH spent AS (
  SELECT id_customer, COUNT(*) AS qty_tickets, SUM(amt_price) AS amt_spent
  FROM {{ ref('dwh_ticket') }}
  WHERE cd_ticket_status <> 'HELD'
  GROUP BY id_customer
),

orders AS (
  SELECT id_customer, COUNT(*) AS qty_orders, MIN(ts_ordered) AS ts_first_order
  FROM {{ ref('sta_order') }}
  GROUP BY id_customer
)

SELECT
  c.id_customer,
  c.nm_town,
  c.cd_customer_type,
  c.dt_registered,
  COALESCE(o.qty_orders, 0)  AS qty_orders,
  o.ts_first_order,
  COALESCE(s.qty_tickets, 0) AS qty_tickets,
  COALESCE(s.amt_spent, 0)   AS amt_spent
FROM {{ ref('sta_customer') }} AS c
LEFT JOIN orders AS o ON o.id_customer = c.id_customer
LEFT JOIN spent AS s ON s.id_customer = c.id_customer
