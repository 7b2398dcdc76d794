with source as (select * from {{ source("hubspot", "deal_property_history") }})

select deal_id, property as property_name, value, {{ utc("changed_at") }} as changed_at
from source
