SELECT
    "LFD_NR" AS lfd_nr,
    "BEF_ID" AS bef_id,
    "VERSION" AS version,
    "BES_NR" AS bes_nr,
    "PARAM" AS parameter,
    {{ komma_zahl('"WERT"') }} AS wert,
    "EINHEIT" AS einheit,
    "GEMESSEN_AM" AS gemessen_am
FROM {{ source('lab', 'BEFUND') }}
