SELECT
    cast(date_trunc('month', termin_am) AS date) AS monat,
    standort,
    count(*) AS besuche,
    sum(leistungswert) AS leistungswert
FROM {{ ref('dm_besuch') }}
WHERE status = 'E'
GROUP BY 1, 2
