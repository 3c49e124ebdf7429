SELECT
    "PAT_NR" AS pat_nr,
    "NACHNAME" AS nachname,
    "VORNAME" AS vorname,
    cast(substr("GEB_DAT", 7, 4) || '-' || substr("GEB_DAT", 4, 2) || '-' || substr("GEB_DAT", 1, 2) AS date) AS geb_dat,
    lower("GESCHL") AS geschlecht,
    "PLZ" AS plz,
    "KASSE_ART" AS kasse_art,
    coalesce("LOESCH_KZ", '0') = '1' AS ist_geloescht,
    "ANGELEGT_AM" AS angelegt_am
FROM {{ source('kis', 'PATIENT') }}
