SELECT
  mieter_nr,
  name    AS mieter_name,
  ort     AS wohnort,
  geb_dat AS geburtsdatum,
  COALESCE(mahnsp = 'J', FALSE) AS hat_mahnsperre,
  erf_dat AS erfasst_am
FROM {{ source('hv', 'mieter') }}
