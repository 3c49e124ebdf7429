SELECT
    "BEH_NR" AS beh_nr,
    "NAME" AS behandler_name,
    "FACHGEBIET" AS fachgebiet,
    "STAMM_STANDORT" AS stamm_standort,
    "EINTRITT" AS eintritt,
    "AUSTRITT" AS austritt
FROM {{ source('kis', 'BEHANDLER') }}
