SELECT
  cust_no   AS id_customer,
  name      AS nm_customer,
  town      AS nm_town,
  cust_typ  AS cd_customer_type,
  born      AS dt_birth,
  COALESCE(newsl = 'Y', FALSE) AS is_newsletter,
  reg_dt    AS dt_registered
FROM {{ source('box', 'cust') }}
