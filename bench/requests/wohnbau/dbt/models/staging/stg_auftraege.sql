SELECT
  auftr_nr AS auftrag_nr,
  einh_nr  AS einheit_nr,
  obj_nr   AS objekt_nr,
  gewerk,
  prio     AS prioritaet,
  gemeldet AS gemeldet_am,
  erledigt AS erledigt_am,
  stat     AS auftragsstatus,
  kosten_ct / 100.0 AS kosten_netto,
  firma_nr
FROM {{ source('tech', 'auftrag') }}
