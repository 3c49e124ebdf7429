SELECT
  einh_nr AS einheit_nr,
  obj_nr  AS objekt_nr,
  lage    AS etage,
  typ_kz  AS nutzungsart,
  CAST(REPLACE(REPLACE(wfl_qm, '.', ''), ',', '.') AS DECIMAL(10, 2)) AS flaeche_qm,
  zi      AS anzahl_zimmer
FROM {{ source('hv', 'einheit') }}
