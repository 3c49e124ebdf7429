SELECT
  hall      AS cd_hall,
  hall_name AS nm_hall,
  town      AS nm_hall_town,
  seats     AS qty_seats
FROM {{ source('house', 'hall') }}
