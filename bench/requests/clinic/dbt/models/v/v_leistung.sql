SELECT
    "LST_NR" AS lst_nr,
    "BES_NR" AS bes_nr,
    trim("ZIFFER") AS ziffer,
    "ANZAHL" AS anzahl
FROM {{ source('kis', 'LEISTUNG') }}
