SELECT
  vertr_nr AS vertrag_nr,
  mieter_nr,
  einh_nr  AS einheit_nr,
  beginn   AS vertragsbeginn,
  ende     AS vertragsende,
  kalt_ct / 100.0 AS kaltmiete,
  nk_ct / 100.0   AS nebenkosten,
  kaut_ct / 100.0 AS kaution,
  stat     AS vertragsstatus
FROM {{ source('hv', 'vertrag') }}
