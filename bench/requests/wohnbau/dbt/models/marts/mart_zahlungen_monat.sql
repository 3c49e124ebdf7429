SELECT
  CAST(DATE_TRUNC('month', z.buchungsdatum) AS DATE) AS monat,
  e.objekt_nr,
  COUNT(*)      AS anzahl_zahlungen,
  SUM(z.betrag) AS summe_betrag
FROM {{ ref('stg_zahlungen') }} AS z
INNER JOIN {{ ref('stg_vertraege') }} AS v ON v.vertrag_nr = z.vertrag_nr
INNER JOIN {{ ref('stg_einheiten') }} AS e ON e.einheit_nr = v.einheit_nr
GROUP BY 1, 2
