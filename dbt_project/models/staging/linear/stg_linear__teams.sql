with source as (select * from {{ source("linear", "teams") }})

select id as team_id, {{ adapter.quote("key") }} as team_key, name as team_name
from source
