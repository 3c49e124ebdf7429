select
    cat_no,
    cat_nm,
    parent_cat_no
from {{ source('shopdb', 'categories') }}
