SELECT
    "ZIFFER" AS ziffer,
    "PREIS" AS preis,
    "GUELTIG_AB" AS gueltig_ab,
    "GUELTIG_BIS" AS gueltig_bis
FROM {{ source('kis', 'PREIS_HIST') }}
