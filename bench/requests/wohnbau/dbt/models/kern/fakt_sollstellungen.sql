SELECT
  s.soll_nr,
  s.vertrag_nr,
  v.mieter_nr,
  v.einheit_nr,
  e.objekt_nr,
  o.objekt_name,
  o.ort,
  e.nutzungsart,
  s.sollart,
  s.faellig_am,
  s.erstellt_am,
  s.betrag,
  s.storno_kz
FROM {{ ref('stg_sollstellungen') }} AS s
LEFT JOIN {{ ref('stg_vertraege') }} AS v ON v.vertrag_nr = s.vertrag_nr
LEFT JOIN {{ ref('stg_einheiten') }} AS e ON e.einheit_nr = v.einheit_nr
LEFT JOIN {{ ref('stg_objekte') }} AS o ON o.objekt_nr = e.objekt_nr
