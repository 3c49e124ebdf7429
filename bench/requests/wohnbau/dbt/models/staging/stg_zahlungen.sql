SELECT
  zahl_nr    AS zahlung_nr,
  vertr_nr   AS vertrag_nr,
  buch_dat   AS buchungsdatum,
  wert_dat   AS wertstellung,
  CAST(REPLACE(REPLACE(betrag, '.', ''), ',', '.') AS DECIMAL(12, 2)) AS betrag,
  UPPER(weg) AS zahlweg,
  rl_kz      AS ruecklast_kz
FROM {{ source('bank', 'zahlung') }}
