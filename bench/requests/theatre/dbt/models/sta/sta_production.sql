SELECT
  prod_no     AS id_production,
  title       AS nm_production,
  genre       AS cd_genre,
  director    AS nm_director,
  first_night AS dt_first_night,
  last_night  AS dt_last_night
FROM {{ source('house', 'prod') }}
