select
    vou_cd,
    vou_typ,
    vou_val,
    valid_from,
    valid_to
from {{ source('shopdb', 'vouchers') }}
