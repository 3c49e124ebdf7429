SELECT
    pat_nr,
    count(*) AS rechnungen,
    sum(betrag - bezahlt) AS offen
FROM {{ ref('dm_rechnung') }}
WHERE re_status = 'offen'
GROUP BY pat_nr
