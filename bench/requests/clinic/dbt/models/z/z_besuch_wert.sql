-- Value of the services of a visit at today's prices.
SELECT
    l.bes_nr,
    sum(l.anzahl) AS leistungen,
    sum(l.anzahl * z.einzelpreis) AS wert
FROM {{ ref('v_leistung') }} AS l
LEFT JOIN {{ ref('v_ziffer') }} AS z
    ON l.ziffer = z.ziffer
GROUP BY l.bes_nr
