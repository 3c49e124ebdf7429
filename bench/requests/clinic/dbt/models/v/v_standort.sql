SELECT
    "STANDORT" AS standort,
    "BEZEICHNUNG" AS bezeichnung,
    "ORT" AS ort,
    "BUNDESLAND" AS bundesland
FROM {{ source('kis', 'STANDORT') }}
