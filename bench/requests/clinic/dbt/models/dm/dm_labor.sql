SELECT
    f.bef_id,
    f.bes_nr,
    b.standort,
    f.parameter,
    f.wert,
    f.einheit,
    f.gemessen_am
FROM {{ ref('v_befund') }} AS f
LEFT JOIN {{ ref('v_besuch') }} AS b
    ON f.bes_nr = b.bes_nr
