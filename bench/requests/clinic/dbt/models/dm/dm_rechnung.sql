SELECT
    r.re_nr,
    r.pat_nr,
    r.bes_nr,
    b.standort,
    r.re_datum,
    r.re_status,
    r.betrag,
    r.bezahlt,
    r.mahnstufe
FROM {{ ref('v_rechnung') }} AS r
LEFT JOIN {{ ref('v_besuch') }} AS b
    ON r.bes_nr = b.bes_nr
