WITH vertraege AS (
  SELECT
    mieter_nr,
    COUNT(*)            AS anzahl_vertraege,
    MIN(vertragsbeginn) AS erster_vertragsbeginn
  FROM {{ ref('stg_vertraege') }}
  WHERE vertragsstatus <> 'storniert'
  GROUP BY mieter_nr
),

zahlungen AS (
  SELECT v.mieter_nr, SUM(z.betrag) AS summe_zahlungen
  FROM {{ ref('stg_zahlungen') }} AS z
  INNER JOIN {{ ref('stg_vertraege') }} AS v ON v.vertrag_nr = z.vertrag_nr
  GROUP BY v.mieter_nr
)

SELECT
  m.mieter_nr,
  m.mieter_name,
  m.wohnort,
  m.erfasst_am,
  m.hat_mahnsperre,
  COALESCE(v.anzahl_vertraege, 0) AS anzahl_vertraege,
  v.erster_vertragsbeginn,
  COALESCE(z.summe_zahlungen, 0)  AS summe_zahlungen
FROM {{ ref('stg_mieter') }} AS m
LEFT JOIN vertraege AS v ON v.mieter_nr = m.mieter_nr
LEFT JOIN zahlungen AS z ON z.mieter_nr = m.mieter_nr
