SELECT
    "BES_NR" AS bes_nr,
    "PAT_NR" AS pat_nr,
    "STANDORT" AS standort,
    "BEH_NR" AS beh_nr,
    "TERMIN_AM" AS termin_am,
    "GEBUCHT_AM" AS gebucht_am,
    "BEGINN" AS beginn,
    "ENDE" AS ende,
    upper("STATUS") AS status,
    "ART" AS besuch_art,
    "TEST_KZ" AS ist_test
FROM {{ source('kis', 'BESUCH') }}
