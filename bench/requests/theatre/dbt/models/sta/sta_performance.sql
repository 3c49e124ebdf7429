SELECT
  perf_no  AS id_performance,
  prod_no  AS id_production,
  hall     AS cd_hall,
  start_ts AS ts_start,
  stat     AS cd_performance_status
FROM {{ source('house', 'perf') }}
