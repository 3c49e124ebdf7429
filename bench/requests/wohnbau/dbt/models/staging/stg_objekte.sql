SELECT
  obj_nr AS objekt_nr,
  bez    AS objekt_name,
  ort,
  bj     AS baujahr,
  verwalter
FROM {{ source('hv', 'objekt') }}
