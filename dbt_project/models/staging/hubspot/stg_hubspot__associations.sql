with source as (select * from {{ source("hubspot", "associations") }})

select from_type, from_id, to_type, to_id, label
from source
-- An object whose last association was removed is loaded as one row without a target.
where to_id <> ''
