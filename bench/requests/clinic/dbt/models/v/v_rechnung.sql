SELECT
    "RE_NR" AS re_nr,
    "PAT_NR" AS pat_nr,
    "BES_NR" AS bes_nr,
    "RE_DATUM" AS re_datum,
    {{ ct2eur('"BETRAG_CT"') }} AS betrag,
    {{ ct2eur('"BEZAHLT_CT"') }} AS bezahlt,
    "STATUS" AS re_status,
    "MAHNSTUFE" AS mahnstufe
FROM {{ source('abr', 'RECHNUNG') }}
