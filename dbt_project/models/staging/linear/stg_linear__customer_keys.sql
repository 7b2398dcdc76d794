with source as (select * from {{ source("linear", "customer_keys") }})

select
    customer as customer_id,
    key_type,
    case when key_type = 'domain' then {{ clean_domain("value") }} else trim(value) end as key_value
from source
group by 1, 2, 3
