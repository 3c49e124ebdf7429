SELECT
    "ZIFFER" AS ziffer,
    "KURZTEXT" AS kurztext,
    "KAPITEL" AS kapitel,
    {{ komma_zahl('"EINZELPREIS"') }} AS einzelpreis
FROM {{ source('kis', 'ZIFFERN') }}
