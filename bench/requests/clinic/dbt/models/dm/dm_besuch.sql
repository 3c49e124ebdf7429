SELECT
    b.bes_nr,
    b.pat_nr,
    b.standort,
    b.beh_nr,
    p.kasse_art,
    b.besuch_art,
    b.status,
    b.termin_am,
    b.beginn,
    coalesce(w.leistungen, 0) AS leistungen,
    coalesce(w.wert, 0) AS leistungswert
FROM {{ ref('v_besuch') }} AS b
LEFT JOIN {{ ref('v_patient') }} AS p
    ON b.pat_nr = p.pat_nr
LEFT JOIN {{ ref('z_besuch_wert') }} AS w
    ON b.bes_nr = w.bes_nr
WHERE NOT b.ist_test
