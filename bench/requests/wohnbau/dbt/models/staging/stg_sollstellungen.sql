SELECT
  soll_nr,
  vertr_nr AS vertrag_nr,
  faellig  AS faellig_am,
  erstellt AS erstellt_am,
  art      AS sollart,
  betrag_ct / 100.0 AS betrag,
  COALESCE(storno, 'N') AS storno_kz
FROM {{ source('hv', 'sollst') }}
